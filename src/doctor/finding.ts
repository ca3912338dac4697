import type { Config } from '../config.ts'
import { labelled, type Screen } from '../screen.ts'

/** What the doctor found out about one thing: fine, worth a look, or wrong; a remedy says what to do. */
export interface Finding {
  readonly level: 'ok' | 'look' | 'wrong'
  readonly name: string
  readonly detail: string
  readonly remedy?: string
}

/** What was found out about an account of several: it says which. */
export function ofAccount(finding: Finding, { accounts }: Pick<Config, 'accounts'>, index: number): Finding {
  const sid = accounts[index]?.sid
  return accounts.length > 1 ? { ...finding, detail: `${finding.detail} (${sid})` } : finding
}

/** Prints findings one below the other. */
export function printFindings(findings: readonly Finding[], screen: Screen): void {
  for (const { level, name, detail, remedy } of findings) {
    const mark = screen.styled(formats[level], level.padEnd(7))
    const text = remedy === undefined ? detail : `${detail}\n→ ${remedy}`
    const [first = '', ...rest] = labelled(name, nameWidth, text)
    screen.print(`${mark}${first}`)
    for (const line of rest) screen.print(`${' '.repeat(7)}${line}`)
  }
}

const nameWidth = 16
const formats = { ok: 'green', look: 'yellow', wrong: 'red' } as const
