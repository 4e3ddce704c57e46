/** The link that opens the live page with the right of an invite. */
export const pageLink = (invite: string): string => invite.replace("/join#", "/#");
