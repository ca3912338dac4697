import { randomUUID } from 'node:crypto'

/** A form with one file, as it goes over the wire (RFC 7578). Names and values must hold no line breaks or quotes: they are ours. */
export function multipart(
  fields: Readonly<Record<string, string>>,
  file: { readonly name: string; readonly filename: string; readonly type: string; readonly bytes: Uint8Array }
): { type: string; body: Uint8Array<ArrayBuffer> } {
  const boundary = `knomly-${randomUUID()}`
  const part = (disposition: string, rest: string) =>
    `--${boundary}\r\ncontent-disposition: form-data; ${disposition}\r\n${rest}`
  const texts = Object.entries(fields).map(([name, value]) => part(`name="${name}"`, `\r\n${value}\r\n`))
  const { name, filename, type, bytes } = file
  const head = part(`name="${name}"; filename="${filename}"`, `content-type: ${type}\r\n\r\n`)
  const body = Buffer.concat([Buffer.from(texts.join('') + head), bytes, Buffer.from(`\r\n--${boundary}--\r\n`)])
  return { type: `multipart/form-data; boundary=${boundary}`, body }
}
