import { dirname, extname, join } from "node:path";
import { fileURLToPath } from "node:url";

const ownFile = fileURLToPath(import.meta.url);

/**
 * Where a module of this very folder, such as `index`, is read from: its source, or what was compiled of it.
 * Only a file of this folder can tell, since `index.cjs`, which holds all modules, stands here, too.
 */
export const pathOfModule = (name: string): string => join(dirname(ownFile), `${name}${extname(ownFile)}`);
