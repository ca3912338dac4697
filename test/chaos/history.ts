/** One call of the store by one client. `done` is null, and `answer` unknown, where the client never learned what became of it. Instants are of one clock for all clients. */
export interface Operation {
  readonly client: string
  readonly op: 'accept' | 'claim' | 'next' | 'append' | 'finish' | 'park' | 'decide' | 'heartbeat'
  readonly asked: number
  readonly done: number | null
  readonly answer: 'ok' | 'refused' | 'unknown'
  readonly lane: string
  /** The execution that it is about, or that was got. */
  readonly execution: string
  /** The fence of the lease that it was done under, or that was got; null for what needs none. */
  readonly fence: number | null
  /** The id of the frame that it writes, or null. */
  readonly frame: string | null
}

/** The frames of an execution as the store keeps them in the end. */
export type Journal = readonly { readonly id: string; readonly n: number }[]

/** What was recorded: all calls, and all that is kept. */
export interface History {
  readonly operations: readonly Operation[]
  readonly journals: ReadonlyMap<string, Journal>
}

/**
 * Checks a history against the promises of the store and says what cannot have happened if they were kept. An operation whose answer is
 * unknown may have happened or not, at any time after it was asked for.
 */
export function anomaliesIn(history: History): string[] {
  return [
    ...fencesGrow(history),
    ...oneHolder(history),
    ...deposedAreRefused(history),
    ...journalsAreWhole(history),
    ...answersAreTrue(history),
    ...oneDecision(history),
    ...firstInFirstOut(history)
  ]
}

/** A claim that began after another of the lane had ended has the higher fence, and no two have the same. */
function fencesGrow({ operations }: History): string[] {
  return byLane(operations.filter(({ op, answer }) => op === 'claim' && answer === 'ok')).flatMap(claims =>
    claims.flatMap((claim, i) =>
      claims
        .slice(i + 1)
        .filter(later =>
          later.fence === claim.fence ? true : before(claim, later) ? fenceOf(later) < fenceOf(claim) : false
        )
        .map(later => `${claim.lane}: a claim got the fence ${later.fence} after one that had got ${claim.fence}`)
    )
  )
}

/** Once a later holder has written into an execution, no earlier one does: fences never fall along a journal. */
function oneHolder({ operations, journals }: History): string[] {
  const writers = new Map(
    operations.flatMap(each => (each.frame === null || each.fence === null ? [] : [[each.frame, each]]))
  )
  return [...journals].flatMap(([execution, frames]) => {
    const fences = frames.flatMap(({ id }) => writers.get(id)?.fence ?? [])
    return fences.every((fence, i) => i === 0 || fence >= (fences[i - 1] ?? 0))
      ? []
      : [`${execution}: a holder wrote after a later one had: fences ${fences.join(', ')}`]
  })
}

/** Whoever asks under a lease after a later claim of its lane has been answered is refused. */
function deposedAreRefused({ operations }: History): string[] {
  return byLane(operations).flatMap(own => {
    const claims = own.filter(({ op, answer }) => op === 'claim' && answer === 'ok')
    const beats = own.filter(({ op, answer }) => op === 'heartbeat' && answer === 'ok')
    return beats.flatMap(beat =>
      claims.some(claim => before(claim, beat) && fenceOf(claim) > fenceOf(beat))
        ? [`${beat.lane}: a heartbeat under the fence ${beat.fence} held after a later claim`]
        : []
    )
  })
}

/** Frames are numbered from 1 without a gap, and each is there once. */
function journalsAreWhole({ journals }: History): string[] {
  return [...journals].flatMap(([execution, frames]) => [
    ...(frames.every(({ n }, i) => n === i + 1) ? [] : [`${execution}: frames ${frames.map(({ n }) => n).join(', ')}`]),
    ...(new Set(frames.map(({ id }) => id)).size === frames.length ? [] : [`${execution}: a frame is there twice`])
  ])
}

/** What was acknowledged is there in the end, and what was refused is not. */
function answersAreTrue({ operations, journals }: History): string[] {
  const kept = new Map([...journals].flatMap(([execution, frames]) => frames.map(({ id }) => [id, execution])))
  return operations.flatMap(({ op, answer, execution, frame }) => {
    if (frame === null) return []
    const isThere = kept.get(frame) === execution
    if (answer === 'ok' && !isThere) return [`${execution}: ${op} was acknowledged and is not there`]
    return answer === 'refused' && kept.has(frame) ? [`${execution}: ${op} was refused and is there`] : []
  })
}

/** A question is decided once: of the decisions between two parkings at most one is there. */
function oneDecision({ operations, journals }: History): string[] {
  const kinds = new Map(operations.flatMap(({ op, frame }) => (frame === null ? [] : [[frame, op]])))
  return [...journals].flatMap(([execution, frames]) => {
    const moves = frames.map(({ id }) => kinds.get(id)).filter(op => op === 'park' || op === 'decide')
    return moves.every((op, i) => op !== 'decide' || moves[i - 1] === 'park')
      ? []
      : [`${execution}: one question was decided twice`]
  })
}

/** Nobody gets a message of a lane while an earlier one, accepted before the later one was even sent, still waits for its first end. */
function firstInFirstOut({ operations }: History): string[] {
  return byLane(operations).flatMap(own => {
    const accepted = own.filter(({ op, answer }) => op === 'accept' && answer === 'ok')
    const ends = own.filter(({ op, answer }) => (op === 'finish' || op === 'park') && answer !== 'refused')
    const takings = own.filter(({ op, answer }) => (op === 'claim' || op === 'next') && answer === 'ok')
    return takings.flatMap(taking => {
      const itself = accepted.find(({ execution }) => execution === taking.execution)
      const overtaken = accepted.find(
        earlier =>
          itself !== undefined &&
          before(earlier, itself) &&
          !ends.some(end => end.execution === earlier.execution && end.asked < (taking.done ?? 0))
      )
      return overtaken === undefined ? [] : [`${taking.lane}: ${taking.execution} overtook ${overtaken.execution}`]
    })
  })
}

function byLane(operations: readonly Operation[]): Operation[][] {
  return [...Map.groupBy(operations, ({ lane }) => lane).values()].map(own => own.sort((a, b) => a.asked - b.asked))
}

/** Whether one had certainly ended before the other began. */
function before(one: Operation, other: Operation): boolean {
  return one.done !== null && one.done < other.asked
}

function fenceOf({ fence }: Operation): number {
  return fence ?? 0
}
