import { createHash } from 'node:crypto'
import type { ToolClass } from '../frames/kinds.ts'

/** What becomes of a call: it runs, it runs where all of its links lead to allowed hosts, the person is asked, or it is refused. */
export type Verdict = 'run' | 'run-to-allowed-hosts' | 'ask' | 'refuse'

/** The rules as data, so that two versions can be compared. `version` changes with every rule. */
export interface Policy {
  readonly version: string
  readonly verdicts: Readonly<Record<ToolClass, { readonly trusted: Verdict; readonly tainted: Verdict }>>
}

const verdicts: Policy['verdicts'] = {
  R0: { trusted: 'run', tainted: 'run' },
  R1: { trusted: 'run-to-allowed-hosts', tainted: 'ask' },
  W0: { trusted: 'run', tainted: 'ask' },
  W1: { trusted: 'run', tainted: 'ask' },
  D: { trusted: 'ask', tainted: 'ask' },
  X: { trusted: 'ask', tainted: 'ask' },
  H: { trusted: 'ask', tainted: 'ask' },
  K: { trusted: 'refuse', tainted: 'refuse' }
}

/**
 * The policy in force (safety rule 3.2). Its version is the start of the hash of its rules, so that it cannot be
 * forgotten.
 */
export const policy: Policy = {
  version: createHash('sha256').update(JSON.stringify(verdicts)).digest('hex').slice(0, 16),
  verdicts
}
