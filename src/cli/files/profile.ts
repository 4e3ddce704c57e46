/**
 * Makes a hub of this machine the default one for as long as it runs. It runs as well where the profile
 * cannot be written.
 * @param onTrouble told in a sentence what could not be done
 * @returns what puts things back as they were, unless someone changed them meanwhile
 */
export async function lendProfile(
  name: string,
  invite: string,
  url: string,
  onTrouble: (trouble: string) => void = () => {},
): Promise<() => Promise<void>> {
  const { readProfiles, removeProfile, writeProfile } = await import("../../client/node.ts");
  const tryTo = async (act: () => Promise<void>) => {
    try {
      await act();
    } catch (error) {
      onTrouble(`the profile ${name} could not be kept: ${(error as Error).message}`);
    }
  };
  let earlier: string | undefined;
  await tryTo(async () => {
    const before = await readProfiles();
    await writeProfile(name, { invite, url });
    earlier = before.default === undefined || before.default === name ? undefined : before.default;
  });
  const restore = async () => {
    const now = await readProfiles();
    if (now.hubs[name]?.invite !== invite) return;
    await removeProfile(name);
    const kept = earlier === undefined ? undefined : now.hubs[earlier];
    if (now.default === name && earlier !== undefined && kept !== undefined)
      await writeProfile(earlier, kept);
  };
  return () => tryTo(restore);
}
