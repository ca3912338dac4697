import { styleText } from 'node:util'

type Format = 'bold' | 'dim' | 'red' | 'green' | 'yellow'

/** Where the commands and the demo write: plain lines, with colour only where the stream is a terminal that wants it. */
export interface Screen {
  print(line?: string): void
  /** The text in a format, or as it is where there is no colour. */
  styled(format: Format, text: string): string
}

/** A screen on a stream. A reader who leaves early (`knomly timeline … | head`) is no error. */
export function createScreen(stream: NodeJS.WritableStream): Screen {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
  })
  return {
    print: (line = '') => void stream.write(`${line.trimEnd()}\n`),
    styled: (format, text) => styleText(format, text, { stream })
  }
}

/** Lines under a label: the label stands before the first, the others are indented as far. */
export function labelled(label: string, width: number, text: string): string[] {
  return text.split('\n').map((line, i) => `${(i === 0 ? label : '').padEnd(width)}${line}`)
}

/** A duration as a person reads it. */
export function duration(ms: number): string {
  return ms < 999.5 ? `${Math.round(ms)} ms` : `${(ms / 1_000).toFixed(2)} s`
}

/** A count of things: "1 part", "2 parts". */
export function counted(count: number, thing: string): string {
  return `${count} ${thing}${count === 1 ? '' : 's'}`
}

/** A size as a person reads it. */
export function size(bytes: number): string {
  return bytes < 1_000_000 ? `${Math.max(1, Math.round(bytes / 1_000))} KB` : `${(bytes / 1_000_000).toFixed(1)} MB`
}
