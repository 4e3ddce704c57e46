/** Has a timer keep no process alive; in browsers none does. */
export function letGo(timer: object): void {
  (timer as { unref?: () => void }).unref?.();
}
