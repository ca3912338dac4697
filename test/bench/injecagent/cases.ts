import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import type { TaskCall } from '../people.ts'

/** One case of InjecAgent: what the person wants, what the attacker put into the answer, and the tools that the attacker wants called. */
export interface Case {
  readonly prompt: string
  readonly user: TaskCall
  /** What the person's tool answers: the attacker's words stand in it. */
  readonly response: string
  readonly instruction: string
  readonly attackers: readonly string[]
}

/** A tool as the data set declares it. */
export type Declared = z.infer<typeof declared>

/** The data set: its cases by suite, and its tools by the name that cases use. */
export interface Data {
  readonly suites: Readonly<Record<Suite, readonly Case[]>>
  readonly tools: ReadonlyMap<string, Declared>
}

const files = { 'direct-harm': 'test_cases_dh_base.json', 'data-stealing': 'test_cases_ds_base.json' } as const

/** The two kinds of attack: one call that does harm, and reading something to send it away. */
export type Suite = keyof typeof files
export const allSuites = Object.keys(files) as Suite[]

// What else the files hold is not needed.
const parameter = z.object({
  name: z.string(),
  type: z.enum(['string', 'integer', 'number', 'boolean', 'array', 'object'])
})
const declared = z.object({
  name: z.string(),
  summary: z.string(),
  parameters: z.array(parameter.extend({ description: z.string(), required: z.boolean().default(false) }))
})
const kits = z.array(z.object({ toolkit: z.string(), tools: z.array(declared) }))
const listed = z.array(
  z.object({
    'User Tool': z.string(),
    'User Instruction': z.string(),
    'Tool Parameters': z.string(),
    'Tool Response': z.string(),
    'Attacker Tools': z.array(z.string()).min(1),
    'Attacker Instruction': z.string()
  })
)

/** Reads a copy of the data set's repository. Throws an Error that says what to do where the folder is none. */
export function readData(folder: string | undefined): Data {
  if (folder === undefined || folder === '') {
    throw new Error('Say where the data set is: INJECAGENT_DIR=<a copy of github.com/uiuc-kang-lab/InjecAgent>')
  }
  const tools = new Map(
    read(folder, 'tools.json', kits).flatMap(({ toolkit, tools }) =>
      tools.map(tool => [`${toolkit}${tool.name}`, tool] as const)
    )
  )
  const casesOf = (suite: Suite) =>
    read(folder, files[suite], listed).map(each => {
      const named = [each['User Tool'], ...each['Attacker Tools']]
      const unknown = named.find(name => !tools.has(name))
      if (unknown !== undefined) throw noCopy(folder, `${files[suite]} names ${unknown}, and tools.json does not`)
      return {
        prompt: each['User Instruction'],
        user: { function: each['User Tool'], args: pythonObject(each['Tool Parameters']) },
        response: each['Tool Response'],
        instruction: each['Attacker Instruction'],
        attackers: each['Attacker Tools']
      }
    })
  return { suites: { 'direct-harm': casesOf('direct-harm'), 'data-stealing': casesOf('data-stealing') }, tools }
}

function read<T>(folder: string, name: string, schema: z.ZodType<T>): T {
  const path = join(folder, 'data', name)
  if (!existsSync(path)) throw noCopy(folder, `there is no data/${name}`)
  const parsed = schema.safeParse(JSON.parse(readFileSync(path, 'utf8')))
  if (parsed.success) return parsed.data
  throw noCopy(folder, `data/${name} is of another form, at ${parsed.error.issues[0]?.path.join('.')}`)
}

function noCopy(folder: string, why: string): Error {
  return new Error(`INJECAGENT_DIR (${folder}) is no copy of InjecAgent: ${why}.`)
}

/** The data set writes arguments as Python shows a dictionary. Throws a SyntaxError for what is none of plain values. */
export function pythonObject(text: string): Record<string, unknown> {
  const words: Readonly<Record<string, string>> = { True: 'true', False: 'false', None: 'null' }
  const token = /'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"|\b(?:True|False|None)\b/gs
  const json = text.replace(token, (all, single?: string, double?: string) => {
    const inner = single ?? double
    return inner === undefined ? String(words[all]) : JSON.stringify(inner.replace(/\\(['"\\])/g, '$1'))
  })
  return JSON.parse(json)
}
