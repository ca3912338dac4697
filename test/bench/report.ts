import { judge, type LineName, type Round, type Verdict } from './lines.ts'
import { table } from './table.ts'

/** What is said of measurements: their tables as they come, and the lines that they are held against. */
export interface Report {
  readonly verdicts: readonly Verdict[]
  /** Shows a comparison. */
  print(title: string, rounds: readonly Round[]): void
  judge(name: LineName, figure: number): void
}

/** Begins a report. `about` says, behind each title and line, on what was measured. */
export function createReport(about: string): Report {
  const verdicts: Verdict[] = []
  return {
    verdicts,
    print: (title, rounds) => void process.stdout.write(`\n${title}${about}\n${table(rounds)}\n`),
    judge(name, figure) {
      const verdict = judge(name, figure)
      verdicts.push({ ...verdict, says: verdict.says + about })
    }
  }
}

/** Verdicts as text, one a line. */
export function marks(verdicts: readonly Verdict[]): string {
  return verdicts
    .map(({ held, figure, bound, says }) => `${held ? '✓' : '✗'} ${figure.toFixed(2)} (${bound})  ${says}`)
    .join('\n')
}
