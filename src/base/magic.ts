/** The first bytes of the files that espalier makes or converts, by which it knows them. */

export const STORE_MAGIC = "ESPALIER";
/** Of a file that is being converted or rolled back. */
export const MIGRATING_MAGIC = "ESPALMIG";
/** Of a legacy tree file, and of each of its pages. */
export const LEGACY_MAGIC = "SOMB";
