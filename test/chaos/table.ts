import type { Setting } from './setting.ts'
import type { Named } from './suite.ts'
import { countOf } from './totals.ts'
import type { Report } from './verdict.ts'

const columns = ['acknowledged', 'lost', 'doubled', 'disordered', 'rerun', 'gaps', 'fenced', 'unknown'] as const
type Counts = Readonly<Record<(typeof columns)[number] | 'faults', number>>

/** The line above the table. */
export function heading(): string {
  return `${'case'.padEnd(nameWidth)}${['faults', ...columns].map(column => column.padStart(width)).join('')}  remark`
}

/** A line of the table. */
export function row(name: string, counts: Counts): string {
  return (
    name.padEnd(nameWidth) +
    (['faults', ...columns] as const).map(column => String(counts[column]).padStart(width)).join('')
  )
}

/** The counts of all cases together. */
export function total(reports: readonly Report[]): Counts {
  const all = reports.map(countsOf)
  const sum = (column: keyof Counts) => all.reduce((so, counts) => so + counts[column], 0)
  return {
    faults: sum('faults'),
    acknowledged: sum('acknowledged'),
    lost: sum('lost'),
    doubled: sum('doubled'),
    disordered: sum('disordered'),
    rerun: sum('rerun'),
    gaps: sum('gaps'),
    fenced: sum('fenced'),
    unknown: sum('unknown')
  }
}

/** Plays a case, takes down what it set up, and prints its line. What stops a case is its problem: the others go on. */
export async function judged({ name, play }: Named, setting: Setting, print: (text: string) => void): Promise<Report> {
  const handlers: (() => unknown)[] = []
  const began = performance.now()
  const report = await play({ teardown: handler => void handlers.push(handler) }, setting).catch(error =>
    broken(name, error)
  )
  for (const handler of handlers.reverse()) await Promise.resolve(handler()).catch(() => {})
  const seconds = `${((performance.now() - began) / 1_000).toFixed(0)} s`
  print(
    `${row(report.case, countsOf(report))}  ${[seconds, report.remark, ...report.problems].filter(Boolean).join('; ')}`
  )
  return report
}

function countsOf(report: Report): Counts {
  return { ...report, faults: countOf(report.struck) }
}

function broken(name: string, error: unknown): Report {
  const none = { acknowledged: 0, lost: 0, doubled: 0, disordered: 0, rerun: 0, gaps: 0, fenced: 0, unknown: 0 }
  return { case: name, struck: {}, ...none, remark: '', problems: [`it broke: ${String(error)}`] }
}

const nameWidth = 56
const width = 13
