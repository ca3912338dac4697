/** Milliseconds by the clock that all processes of this machine share: instants of two of them can be compared. */
export function machineTime(): number {
  return Number(process.hrtime.bigint()) / 1e6
}
