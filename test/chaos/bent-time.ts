/** Bends the wall clock of this process by the first offset (ms), and on each SIGUSR2 by the next: one that is set wrong, and one that is set right while it runs. */
export function bendTime(offsets: readonly number[]): void {
  const { now } = Date
  let at = 0
  Date.now = () => now() + (offsets[at % offsets.length] ?? 0)
  process.on('SIGUSR2', () => {
    at += 1
  })
}
