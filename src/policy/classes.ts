import { createHash } from 'node:crypto'
import type { ToolClass } from '../frames/kinds.ts'

/** MCP's hints as they come: any of them can be absent, and absent means the worst. */
export interface Hints {
  readonly readOnlyHint?: boolean
  readonly destructiveHint?: boolean
  readonly idempotentHint?: boolean
  readonly openWorldHint?: boolean
}

/** What becomes of a call: it runs, the person is asked, or it is refused. */
export type Verdict = 'run' | 'ask' | 'refuse'

/** The rules as data, so that two versions can be compared. `version` changes with every rule. */
export interface Policy {
  readonly version: string
  readonly verdicts: Readonly<Record<ToolClass, { readonly trusted: Verdict; readonly tainted: Verdict }>>
}

const defaults: Required<Hints> = {
  readOnlyHint: false,
  destructiveHint: true,
  idempotentHint: false,
  openWorldHint: true
}

// The first row that fits names the class. What destroys and goes out counts as D: either way the person is asked.
const classRows: readonly { readonly class: ToolClass; readonly when: Hints }[] = [
  { class: 'R0', when: { readOnlyHint: true, openWorldHint: false } },
  { class: 'R1', when: { readOnlyHint: true } },
  { class: 'D', when: { destructiveHint: true } },
  { class: 'X', when: { openWorldHint: true } },
  { class: 'W1', when: { idempotentHint: true } },
  { class: 'W0', when: {} }
]

const verdicts: Policy['verdicts'] = {
  R0: { trusted: 'run', tainted: 'run' },
  R1: { trusted: 'ask', tainted: 'ask' },
  W0: { trusted: 'run', tainted: 'ask' },
  W1: { trusted: 'run', tainted: 'ask' },
  D: { trusted: 'ask', tainted: 'ask' },
  X: { trusted: 'ask', tainted: 'ask' },
  H: { trusted: 'ask', tainted: 'ask' },
  K: { trusted: 'refuse', tainted: 'refuse' }
}

/** What no hint can say of our own tools (safety rule 3.2): money, permissions, credentials, bulk and export. */
const highRisk: ReadonlySet<string> = new Set(['export_data'])

/**
 * The policy in force (safety rule 3.2). Its version is the start of the hash of its rules, so that it cannot be
 * forgotten.
 */
export const policy: Policy = {
  version: createHash('sha256')
    .update(JSON.stringify({ classRows, verdicts, highRisk: [...highRisk] }))
    .digest('hex')
    .slice(0, 16),
  verdicts
}

/**
 * The class of a tool of this project, by its own hints. A remote server's hints are never believed and do not come
 * here.
 */
export function classOf(hints: Hints): ToolClass {
  const known = { ...defaults }
  for (const name of hintNames) {
    const hint = hints[name]
    if (typeof hint === 'boolean') known[name] = hint
  }
  const row = classRows.find(({ when }) =>
    hintNames.every(name => when[name] === undefined || when[name] === known[name])
  )
  return row?.class ?? 'K'
}

/** The class of a tool of this project: by the local table where it stands there, else by its own hints. */
export function classOfTool({ name, annotations }: { readonly name: string; readonly annotations: Hints }): ToolClass {
  return highRisk.has(name) ? 'H' : classOf(annotations)
}

const hintNames = ['readOnlyHint', 'destructiveHint', 'idempotentHint', 'openWorldHint'] as const
