// Before anything is painted: the theme that a person chose here; none is that of the system. No module, since those wait.

try {
  const theme = localStorage.getItem("headway.theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
} catch {
  // nothing may be kept here: the system's theme
}
