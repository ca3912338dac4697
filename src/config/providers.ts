import { z } from 'zod'
import { isLoopback } from '../channels/public-url.ts'
import { baseUrl } from './checks.ts'
import { readJsonFile } from './json-file.ts'
import { type Settings, variables } from './variables.ts'
import type { Warning } from './warnings.ts'

/** One OpenAI-compatible API as it is called. Without a key it is called without one. */
export interface ProviderSettings {
  readonly baseUrl: string
  readonly apiKey: string | undefined
  readonly model: string
  readonly api: 'responses' | 'chat'
}

/** Who is asked for each use, in this order; nobody for `transcribe` where speech is recognised on this machine. */
export interface Providers {
  readonly transcribe: readonly ProviderSettings[]
  readonly respond: readonly ProviderSettings[]
}

const entry = z.strictObject({
  baseUrl: z.string().transform((value, context) => {
    try {
      return baseUrl(value)
    } catch {
      context.issues.push({ code: 'custom', message: 'not a base URL', input: value })
      return z.NEVER
    }
  }),
  model: z.string().min(1).max(100),
  api: z.enum(['responses', 'chat']).default('responses'),
  keyVariable: z
    .string()
    .regex(/^[A-Z][A-Z0-9_]*$/)
    .optional()
})
const fileSchema = z.strictObject({
  transcribe: z.array(entry).min(1).optional(),
  respond: z.array(entry).min(1).optional()
})
type File = z.infer<typeof fileSchema>
type Entry = z.infer<typeof entry>
type Env = Readonly<Record<string, string | undefined>>

const openai = 'https://api.openai.com/v1'
const secrets = new Set(variables.filter(variable => variable.secret).map(variable => variable.name))
const providerKeys = new Set(['OPENAI_API_KEY', 'TRANSCRIBE_API_KEY'])

/**
 * The providers of each use: the list of PROVIDERS_FILE where it names the use, else the one of the variables. What is wrong goes
 * to `problems` as sentences, what is odd to `warnings` as codes. Keys of the file are read from `env` by the names it gives.
 */
export function readProviders(settings: Settings, env: Env, problems: string[], warnings: Warning[]): Providers {
  const path = settings.PROVIDERS_FILE
  const about = { name: 'PROVIDERS_FILE', schema: fileSchema }
  const file: File | null =
    path === undefined ? {} : readJsonFile({ ...about, path }, problems, issues => [problemOf(issues)])
  if (file === null) return { transcribe: [], respond: [] }
  const listed = (entries: readonly Entry[]) => entries.map(one => fromFile(one, env, problems))
  const local = settings.SPEECH === 'local'
  if (isMoot(settings, file, env)) warnings.push('setting-without-effect')
  const transcribe = local ? [] : file.transcribe ? listed(file.transcribe) : [transcriber(settings, warnings)]
  const respond = file.respond ? listed(file.respond) : [responder(settings)]
  const all = [...transcribe, ...respond]
  if (all.some(one => one.baseUrl === openai && one.apiKey === undefined)) {
    problems.push(
      'OPENAI_API_KEY is missing: set it to a key of the OpenAI API (in PROVIDERS_FILE: name its keyVariable).'
    )
  }
  if (all.some(one => isInTheClear(one.baseUrl))) warnings.push('provider-without-tls')
  return { transcribe, respond }
}

/** Whether a use is served by something else than the variables that are set for it. */
function isMoot(settings: Settings, file: File, env: Env): boolean {
  const local = settings.SPEECH === 'local'
  const moot = [
    ...(local || file.transcribe ? ['TRANSCRIBE_MODEL', 'TRANSCRIBE_BASE_URL', 'TRANSCRIBE_API_KEY'] : []),
    ...(file.respond ? ['AGENT_MODEL', 'AGENT_API'] : [])
  ]
  return moot.some(name => env[name] !== undefined) || (local && file.transcribe !== undefined)
}

function responder(settings: Settings): ProviderSettings {
  return {
    baseUrl: settings.OPENAI_BASE_URL ?? openai,
    apiKey: settings.OPENAI_API_KEY,
    model: settings.AGENT_MODEL,
    api: settings.AGENT_API
  }
}

/** OPENAI_API_KEY goes along only to the host it is for, and never less protected: a speech server elsewhere must not learn it. */
function transcriber(settings: Settings, warnings: Warning[]): ProviderSettings {
  const main = responder(settings)
  const url = settings.TRANSCRIBE_BASE_URL ?? main.baseUrl
  const [theirs, ours] = [new URL(url), new URL(main.baseUrl)]
  const mayLearn = theirs.hostname === ours.hostname && (theirs.protocol === 'https:' || ours.protocol === 'http:')
  const apiKey = settings.TRANSCRIBE_API_KEY ?? (mayLearn ? main.apiKey : undefined)
  if (apiKey === undefined && main.apiKey !== undefined) warnings.push('transcribe-without-key')
  return { baseUrl: url, apiKey, model: settings.TRANSCRIBE_MODEL, api: main.api }
}

function fromFile({ keyVariable, ...provider }: Entry, env: Env, problems: string[]): ProviderSettings {
  if (keyVariable === undefined) return { ...provider, apiKey: undefined }
  const value = env[keyVariable]
  if (secrets.has(keyVariable) && !providerKeys.has(keyVariable)) {
    problems.push(`PROVIDERS_FILE names ${keyVariable}, which is not a key of a provider: use a variable of its own.`)
  } else if (value === undefined || !/^[!-~]+$/.test(value)) {
    problems.push(`${keyVariable} is missing or has white space: set it to the key that PROVIDERS_FILE names it for.`)
  }
  return { ...provider, apiKey: value }
}

function problemOf(issues: readonly z.core.$ZodIssue[]): string {
  const places = issues.map(issue => issue.path.join('.') || 'its top')
  return `PROVIDERS_FILE does not fit at ${places.join(', ')}: compare it with the README.`
}

function isInTheClear(url: string): boolean {
  const { protocol, hostname } = new URL(url)
  return protocol === 'http:' && !isLoopback(hostname)
}
