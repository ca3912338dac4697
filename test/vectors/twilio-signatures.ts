import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** A request with its signature, and whether the boundary must let it through (shared/twilio.md, section 5). */
export interface Vector {
  readonly name: string
  readonly valid: boolean
  readonly layer: string | undefined
  readonly origin: string
  readonly target: string
  readonly method: string
  readonly contentType: string
  readonly body: Buffer
  readonly signature: string | string[] | null
  readonly headers: Record<string, string>
  readonly authTokens: string[]
  readonly sharedKeys: Record<string, string>
}

type Row = Omit<Vector, 'origin' | 'target' | 'body'> & {
  url: string
  authToken: string
  params?: Record<string, string | string[]>
  rawBody?: string
  rawBodyBase64?: string
  rawBodyRepeat?: { prefix: string; unit: string; count: number }
}

const name = 'twilio-signatures.json'
const files = [join(import.meta.dirname, name), join(import.meta.dirname, '../../../shared/vectors', name)]

/** Our copy of the vectors, and those that lie next to the checkout. */
export const vectors: readonly Vector[] = [...new Map(files.filter(existsSync).flatMap(read)).values()]

function read(file: string): [string, Vector][] {
  const { vectors: rows }: { vectors: Row[] } = JSON.parse(readFileSync(file, 'utf8'))
  return rows.map(row => {
    const [, origin = '', target = ''] = /^(https?:\/\/[^/?#\\]*)(.*)$/s.exec(row.url) ?? []
    const { authTokens = [row.authToken], sharedKeys = {}, headers = {} } = row
    return [row.name, { ...row, origin, target, authTokens, sharedKeys, headers, body: bodyOf(row) }]
  })
}

function bodyOf({ rawBody, rawBodyBase64, rawBodyRepeat: repeat, params = {} }: Row): Buffer {
  if (rawBody !== undefined) return Buffer.from(rawBody)
  if (rawBodyBase64 !== undefined) return Buffer.from(rawBodyBase64, 'base64')
  if (repeat !== undefined) return Buffer.from(repeat.prefix + repeat.unit.repeat(repeat.count))
  const pairs = Object.entries(params).flatMap(([key, values]) =>
    [values].flat().map((value): [string, string] => [key, value])
  )
  return Buffer.from(new URLSearchParams(pairs).toString())
}
