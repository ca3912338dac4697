// More at once would leave the thread that writes idle, and have it write all of them while this one waits.
const most = 16

/**
 * Makes a gate for cohort scheduling (Larus and Parkes, USENIX 2002): who comes to it in one turn of the event loop goes on together, up
 * to 16, each through its next step before any through the one after. The processor then finds the step in its caches, where it would
 * load it anew for each one that comes alone. It opens in the same turn, so that whoever is alone does not wait.
 */
export function createCohorts(): () => Promise<void> {
  let gathering: { readonly gate: PromiseWithResolvers<void>; size: number } | null = null

  return () => {
    const cohort = gathering ?? { gate: Promise.withResolvers<void>(), size: 0 }
    const open = () => {
      if (gathering === cohort) gathering = null
      cohort.gate.resolve()
    }
    if (gathering === null) setImmediate(open)
    gathering = cohort
    cohort.size += 1
    if (cohort.size === most) open()
    return cohort.gate.promise
  }
}
