import { Failure } from '../frames/failure.ts'
import { type Frame, holdsWhatItSays } from '../frames/frame.ts'
import type { BlockContent } from '../store/audit-block.ts'
import type { AuditSource, FrameChain } from '../store/audit-source.ts'
import { type FrameFlaw, flawInFrames } from '../store/frame-chain.ts'
import type { Owner } from '../store/sealing.ts'
import { incomplete, type Tell, tampered } from './finding.ts'

/** Checks that executions went on from where a block says that they stood. */
export async function checkStandings(source: AuditSource, content: BlockContent, tell: Tell): Promise<void> {
  const known = content.executions.map(([id, n, hash]) => ({ id, n, hash }))
  const found = new Map((await source.standings(known)).map(standing => [standing.id, standing]))
  for (const { id, n, hash } of known) {
    const standing = found.get(id)
    if (standing === undefined) tell(tampered(`execution ${id}`, 'is gone'))
    else if (standing.n < n) tell(tampered(`frame ${id}:${standing.n + 1}`, `is gone, and all after it up to ${n}`))
    // Of a purged one the end of its chain is left.
    else if (standing.purged ? standing.n === n && standing.hash !== hash : standing.at !== hash) {
      tell(tampered(`frame ${id}:${n}`, 'is not the one that was sealed: it or one before it was changed'))
    }
  }
}

/** Opens the sealed frames of an owner; null where their key was destroyed. Throws KEY_UNAVAILABLE and CONTENT_DAMAGED. */
export type OpenFrames = (owner: Owner, frames: readonly Frame[]) => Promise<readonly Frame[] | null>

/**
 * Checks the chains of frames of all executions, or of one tenant's, and with `open` that what is sealed in each is what it commits to;
 * answers how many.
 */
export async function checkFrames(
  source: AuditSource,
  { tenant, open, tell }: { tenant: string | undefined; open: OpenFrames | null; tell: Tell }
): Promise<number> {
  let checked = 0
  for await (const execution of source.executions()) {
    if (tenant !== undefined && execution.tenant !== tenant) continue
    checked += 1
    const flaw = flawInFrames(execution)
    if (flaw !== null) tell(tampered(`frame ${execution.id}:${flaw.n}`, sentences[flaw.flaw]))
    else if (open !== null) await checkContent(execution, open, tell)
  }
  return checked
}

async function checkContent({ id, tenant, lane, frames }: FrameChain, open: OpenFrames, tell: Tell): Promise<void> {
  for (const [i, json] of frames.entries()) {
    const frame = JSON.parse(json) as Frame
    try {
      const opened = (await open({ tenant, user: lane }, [frame]))?.[0]
      if (opened !== undefined && !holdsWhatItSays(opened)) tell(tampered(`frame ${id}:${i + 1}`, sentences.commitment))
    } catch (error) {
      if (!(error instanceof Failure)) throw error
      if (error.code === 'CONTENT_DAMAGED') tell(tampered(`frame ${id}:${i + 1}`, sentences.sealed))
      else if (error.code === 'KEY_UNAVAILABLE') tell(incomplete(`frame ${id}:${i + 1}`, sentences.key))
      else throw error
    }
  }
}

const sentences: Readonly<Record<FrameFlaw['flaw'] | 'sealed' | 'key', string>> = {
  position: 'is not at the place that it says: one was removed, added or moved',
  execution: 'is of another execution',
  commitment: 'was changed: it does not hold what was committed to',
  hash: 'was changed, or follows another one than it did',
  text: 'was changed: it cannot be read',
  sealed: 'was changed: what is sealed in it does not open',
  key: 'could not be opened: its key is not there, or the master key does not open it',
  end: 'is where the execution and its frames disagree on the end'
}
