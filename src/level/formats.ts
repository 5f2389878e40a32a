/** The formats that the database takes and gives natively: other encodings are abstract-level's business. */

/** Encoded data in one of the formats. */
export type Data = string | Uint8Array;
export type Format = "utf8" | "buffer" | "view";
