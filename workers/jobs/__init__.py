"""The tasks, one file each. A function marked with `@task` in any module here is found by its name."""
