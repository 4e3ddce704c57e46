/** Raised when a message changes so that an older peer would misread it. */
export const PROTOCOL_VERSION = 3;

/** What the package calls itself in hellos and pages. */
export const PACKAGE_VERSION = "0.1.0";
