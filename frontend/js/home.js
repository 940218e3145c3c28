// Where the installation is that these modules are from. They are loaded from below `v/<release>/`, see realtime/files.py.

/** Its address, with a slash at the end. */
export const HOME = import.meta.url.replace(/(v\/[0-9a-f]+\/)?js\/home\.js$/, "");
