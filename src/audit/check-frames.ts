import type { BlockContent } from '../store/audit-block.ts'
import type { AuditSource } from '../store/audit-source.ts'
import { type FrameFlaw, flawInFrames } from '../store/frame-chain.ts'
import { type Tell, tampered } from './finding.ts'

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

/** Checks the chains of frames of all executions, or of one tenant's; answers how many. */
export async function checkFrames(source: AuditSource, tenant: string | undefined, tell: Tell): Promise<number> {
  let checked = 0
  for await (const execution of source.executions()) {
    if (tenant !== undefined && execution.tenant !== tenant) continue
    checked += 1
    const flaw = flawInFrames(execution)
    if (flaw !== null) tell(tampered(`frame ${execution.id}:${flaw.n}`, sentences[flaw.flaw]))
  }
  return checked
}

const sentences: Readonly<Record<FrameFlaw['flaw'], string>> = {
  position: 'is not at the place that it says: one was removed, added or moved',
  execution: 'is of another execution',
  commitment: 'was changed: it does not hold what was committed to',
  hash: 'was changed, or follows another one than it did',
  text: 'was changed: it cannot be read',
  end: 'is where the execution and its frames disagree on the end'
}
