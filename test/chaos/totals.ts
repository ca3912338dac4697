/** The kinds of faults that are counted, and how many of each the whole suite must have seen. */
export const required = { kills: 300, pauses: 50, failovers: 20, partitions: 20 } as const

/** What struck in a case: how often, by kind. `others` are those of which no number is asked. */
export type Struck = Readonly<Partial<Record<keyof typeof required | 'others', number>>>

/** Adds up what struck. */
export function addUp(all: readonly Struck[]): Required<Struck> {
  const sum = (kind: keyof Struck) => all.reduce((total, struck) => total + (struck[kind] ?? 0), 0)
  return {
    kills: sum('kills'),
    pauses: sum('pauses'),
    failovers: sum('failovers'),
    partitions: sum('partitions'),
    others: sum('others')
  }
}

/** How many faults struck, of any kind. */
export function countOf(struck: Struck): number {
  return Object.values(addUp([struck])).reduce((total, count) => total + count, 0)
}

/** Says of which kinds too few have struck. */
export function shortOf(struck: Struck): string[] {
  return (Object.keys(required) as (keyof typeof required)[])
    .filter(kind => (struck[kind] ?? 0) < required[kind])
    .map(kind => `only ${struck[kind] ?? 0} of ${required[kind]} ${kind}`)
}
