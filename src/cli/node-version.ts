/** The oldest Node.js with what this program imports, as in `package.json`. Major and minor. */
export const oldestNode = [20, 19] as const;

/**
 * What to tell somebody whose Node.js is too old; nothing where it is not.
 * @param version such as `18.20.8`
 */
export function tooOldNode(version: string): string | undefined {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const [leastMajor, leastMinor] = oldestNode;
  if (major > leastMajor || (major === leastMajor && minor >= leastMinor)) return undefined;
  return (
    `error: Musketeers needs Node.js ${oldestNode.join(".")} or newer, and this is ${version}\n` +
    "hint:  https://nodejs.org/en/download has it. Debian 12, and the Raspberry Pi OS made of it, bring 18 along.\n"
  );
}
