/** The file of a data directory that holds the hub's secret key. */
export const KEY_NAME = "hub.key";
