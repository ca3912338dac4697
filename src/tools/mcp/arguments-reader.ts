import { Ajv, type ErrorObject, type Options } from 'ajv'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { RE2JS } from 're2js'
import type { Tool } from '../tool.ts'

type Schema = Readonly<Record<string, unknown>>

const mostCharacters = 65_536
const deepest = 24
/** How many schemas it comes to with every reference written out: so much is looked at for one value. */
const mostSchemas = 2_000
const longestPattern = 500
const longestList = 1_000

const linear = Object.assign((pattern: string) => patternOf(pattern), { code: 'linear' })

const options: Options = {
  strict: false,
  strictNumbers: true,
  // Formats are remarks, and some of them take long to look at.
  validateFormats: false,
  allErrors: false,
  messages: false,
  logger: false,
  addUsedSchema: false,
  code: { regExp: linear }
}

/**
 * Makes the strict reader of a server's own input schema: what the schema does not name is refused, nothing is changed or added, and
 * no value takes long, whatever the schema. Throws a TypeError for a schema that is too large, refers to itself or to elsewhere, or is
 * none. `schema` is what a model is offered.
 */
export function createReader(given: unknown): { schema: Schema; read: Tool['read'] } {
  if (!isSchema(given) || given.type !== 'object') throw new TypeError('the input is no object')
  if (JSON.stringify(given).length > mostCharacters) throw new TypeError('the schema is too large')
  const { $schema: dialect, $id: _id, ...rest } = given
  const isNew = dialect === undefined || is2020.test(String(dialect))
  if (!isNew && !isOld.test(String(dialect))) throw new TypeError('the dialect of the schema is not known')
  const schema = closed(rest, isNew)
  mustBeSmall(schema)
  const validate = (isNew ? new Ajv2020(options) : new Ajv(options)).compile(schema)
  return {
    schema,
    read(value) {
      if (hasLongList(value)) return { problem: 'a list in them is too long' }
      if (validate(value) === true) return { value }
      return { problem: told(validate.errors?.[0]) }
    }
  }
}

const is2020 = /^https?:\/\/json-schema\.org\/draft\/2020-12\/schema#?$/
const isOld = /^https?:\/\/json-schema\.org\/draft-0[67]\/schema#?$/

/** A schema that says nothing about other names means that there are none. */
function closed(schema: Schema, isNew: boolean): Schema {
  if ('additionalProperties' in schema || (isNew && 'unevaluatedProperties' in schema)) return schema
  // The older dialect has no word for names that parts of the schema allow: then those are refused too.
  const isPut = isNew && ['allOf', 'anyOf', 'oneOf', 'if', '$ref', 'dependentSchemas'].some(name => name in schema)
  return { ...schema, [isPut ? 'unevaluatedProperties' : 'additionalProperties']: false }
}

/** Throws where the schema is deep, or large once every reference is written out, or refers to itself. */
function mustBeSmall(root: Schema): void {
  const sizes = new Map<unknown, number>()
  const size = (node: unknown, depth: number): number => {
    if (typeof node !== 'object' || node === null) return 0
    const known = sizes.get(node)
    if (known !== undefined) return known
    if (depth > deepest) throw new TypeError('the schema is too deep')
    // What is still being counted is endless.
    sizes.set(node, Number.POSITIVE_INFINITY)
    let total = 1
    for (const [name, inner] of Object.entries(node)) {
      if (/^\$(?:dynamicRef|recursiveRef|dynamicAnchor|anchor|id)$/.test(name))
        throw new TypeError(`${name} is not read`)
      total += name === '$ref' ? size(referred(root, inner), depth + 1) : size(inner, depth + 1)
      if (total > mostSchemas) throw new TypeError('the schema is too large or refers to itself')
    }
    sizes.set(node, total)
    return total
  }
  size(root, 0)
}

function referred(root: Schema, reference: unknown): unknown {
  if (typeof reference !== 'string' || !/^#(?:\/[^/#]+)+$/.test(reference))
    throw new TypeError('a reference leads elsewhere')
  let node: unknown = root
  for (const part of decodeURIComponent(reference.slice(2)).split('/')) {
    const name = part.replaceAll('~1', '/').replaceAll('~0', '~')
    if (typeof node !== 'object' || node === null || !Object.hasOwn(node, name))
      throw new TypeError('a reference is broken')
    node = (node as Schema)[name]
  }
  return node
}

/** A pattern by an engine whose time is linear; it knows no look-around and no references, and then there is no reader. */
function patternOf(pattern: string): { test(text: string): boolean; toString(): string } {
  if (pattern.length > longestPattern) throw new TypeError('a pattern is too long')
  const compiled = RE2JS.compile(pattern)
  // Ajv tells patterns apart by their text: without one, all would be the first.
  return { test: text => compiled.matcher(text).find(), toString: () => `/${pattern}/` }
}

function hasLongList(root: unknown): boolean {
  const waiting = [root]
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    if (typeof next !== 'object' || next === null) continue
    if (Array.isArray(next) && next.length > longestList) return true
    waiting.push(...Object.values(next))
  }
  return false
}

const sentences: Readonly<Record<string, string>> = {
  additionalProperties: 'has a name that is not known',
  unevaluatedProperties: 'has a name that is not known',
  enum: 'is none of the allowed values',
  const: 'is not the allowed value',
  type: 'is of another type'
}

/** In words of our own: a message made of a server's schema would be a message of the server. */
function told(error: ErrorObject | undefined): string {
  if (error === undefined) return 'they do not fit the schema'
  const { instancePath, keyword, params } = error
  const place = instancePath.slice(1, 100).toWellFormed() || 'arguments'
  const missing = String(params.missingProperty)
  if (keyword === 'required') return `${place}: ${/^[\w-]{1,64}$/.test(missing) ? missing : 'a value'} is missing`
  return `${place}: ${sentences[keyword] ?? `does not fit the schema (${keyword})`}`
}

function isSchema(value: unknown): value is Schema {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
