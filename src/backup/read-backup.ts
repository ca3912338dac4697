import { createHash } from 'node:crypto'
import { type Counts, type Line, parseLine, readVersions } from './format.ts'
import { altered, cutOff, foreign, readLines } from './lines.ts'

/**
 * The lines of a backup from its header to its end, checked as they come: what is yielded before the end may still prove to be
 * altered. Rejects with an Error that says what is wrong with the file.
 */
export async function* readBackup(file: string): AsyncGenerator<Line> {
  const hash = createHash('sha256')
  const counted = { execution: 0, blob: 0, block: 0, audit: 0, record: 0 }
  let expected: 'header' | 'entry' | 'nothing' = 'header'
  for await (const text of readLines(file)) {
    const line = expected === 'header' ? parseHeader(file, text) : parse(file, text)
    if ((line.type === 'header') !== (expected === 'header') || expected === 'nothing') throw altered(file)
    if (line.type === 'end') {
      if (line.sha256 !== hash.digest('hex') || !agree(line.counts, counted)) throw altered(file)
      expected = 'nothing'
    } else {
      hash.update(text).update('\n')
      if (line.type !== 'header') counted[line.type] += 1
      expected = 'entry'
    }
    yield line
  }
  if (expected !== 'nothing') throw cutOff(file)
}

const entryTypes = ['execution', 'blob', 'block', 'audit', 'record'] as const

function parseHeader(file: string, text: string): Line {
  let line: Line
  try {
    line = parseLine(text)
  } catch {
    throw foreign(file)
  }
  if (line.type !== 'header') throw foreign(file)
  if (readVersions.includes(line.version)) return line
  throw new Error(
    `${file} has version ${line.version} of the format, and this build of Knomly reads versions ${readVersions.join(' and ')}: ` +
      `restore it with Knomly ${line.server}.`
  )
}

function parse(file: string, text: string): Line {
  try {
    return parseLine(text)
  } catch {
    throw altered(file)
  }
}

function agree(written: Counts, counted: Omit<Counts, 'key'>): boolean {
  return entryTypes.every(type => written[type] === counted[type])
}
