import "reflect-metadata";

/**
 * The certificate library, loaded behind the polyfill that it insists on. Import it from here, never by its own
 * name: in a bundle the order of these two lines is what makes it work.
 */
export * from "@peculiar/x509";

/** Every key of a campaign is of this kind. */
export const KEY_ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;
