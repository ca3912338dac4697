import { z } from 'zod'
import { isLoopback } from '../channels/public-url.ts'
import { toolClasses } from '../frames/kinds.ts'
import type { ServerSettings } from '../tools/mcp/server-settings.ts'
import { readJsonFile } from './json-file.ts'

const secretName = /^[a-z][a-z0-9]{0,62}(?:-[a-z0-9]{1,62}){0,8}$/
const value = z.union([
  z.string().max(4_096),
  z.strictObject({ secret: z.string().regex(secretName, 'must be the name of a secret, such as notes-key') })
])
const toolClass = z.enum(toolClasses, { error: `must be one of ${toolClasses.join(', ')}` })
const trust = z.union([
  toolClass.transform(given => ({ class: given })),
  z.strictObject({
    class: toolClass,
    hash: z
      .string()
      .regex(/^[0-9a-f]{64}$/, 'must be 64 hex digits, as "knomly tools" shows them')
      .optional()
  })
])
const tools = z.record(z.string().min(1).max(128), trust).default({})
const program = z.strictObject({
  command: z.string().min(1),
  args: z.array(z.string()).default([]),
  env: z.record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/), value).default({}),
  tools
})
const remote = z.strictObject({
  url: z
    .string()
    .refine(isSafeUrl, 'must be an https URL without user, password and fragment (http for a loopback host only)'),
  headers: z.record(z.string().regex(/^[A-Za-z0-9-]{1,100}$/), value).default({}),
  tools
})
// Without two underscores in a row, so that a tool's name says which server it is of.
const serverName = z.string().regex(/^[a-z][a-z0-9-]{0,30}(?:_[a-z0-9-]{1,30}){0,3}$/)
const fileSchema = z.strictObject({ servers: z.record(serverName, z.record(z.string(), z.unknown())) })

/** The MCP servers of TOOLS_FILE, in its order; none where it is not set. What is wrong goes to `problems` as sentences that repeat no value. */
export function readTools(path: string | undefined, problems: string[]): readonly ServerSettings[] {
  if (path === undefined) return []
  const about = { name: 'TOOLS_FILE', path, schema: fileSchema }
  const file = readJsonFile(about, problems, issues => sentences(issues, ''))
  return Object.entries(file?.servers ?? {}).flatMap(([name, given]) => {
    const parsed = 'url' in given ? remote.safeParse(given) : program.safeParse(given)
    if (!parsed.success) {
      problems.push(...sentences(parsed.error.issues, `servers.${name}`))
      return []
    }
    return [settingsOf(name, parsed.data)]
  })
}

function settingsOf(name: string, given: z.infer<typeof program> | z.infer<typeof remote>): ServerSettings {
  const trusted = new Map(Object.entries(given.tools))
  if ('url' in given) {
    return { name, reached: { by: 'http', url: given.url, headers: given.headers }, tools: trusted }
  }
  const { command, args, env } = given
  return { name, reached: { by: 'stdio', command, args, env }, tools: trusted }
}

function sentences(issues: readonly z.core.$ZodIssue[], below: string): string[] {
  return issues.slice(0, 10).map(issue => {
    const parts = [below, ...issue.path.map(String)].filter(part => part !== '')
    const place =
      parts
        .flatMap(part => part.split('.'))
        .map(shown)
        .join('.') || 'its top'
    return `TOOLS_FILE does not fit at ${place}: ${wanted(issue)}.`
  })
}

/** A name of ours, a number, or a name as servers and tools have them: whatever else somebody put there is not repeated. */
function shown(part: string): string {
  return /^\d{1,3}$/.test(part) || /^[a-z][a-z0-9_-]{0,60}$/.test(part) ? part : '…'
}

function wanted(issue: z.core.$ZodIssue): string {
  if (issue.code === 'unrecognized_keys') return 'a name there is not known'
  if (issue.code === 'invalid_union') return wantedOfUnion(issue)
  return issue.message.startsWith('must be') ? issue.message : 'compare it with the README'
}

/** A class is written as a word or in an object; a value as text or as the name of a secret. */
function wantedOfUnion({ errors }: z.core.$ZodIssueInvalidUnion): string {
  const said = errors.flat().find(({ message }) => message.startsWith('must be'))
  return said?.message ?? 'compare it with the README'
}

function isSafeUrl(text: string): boolean {
  if (!URL.canParse(text)) return false
  const { protocol, hostname, username, password, hash } = new URL(text)
  if (username !== '' || password !== '' || hash !== '') return false
  return protocol === 'https:' || (protocol === 'http:' && isLoopback(hostname))
}
