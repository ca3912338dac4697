import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import { toolAct } from '../../../src/audit/tool-act.ts'
import { systemClock } from '../../../src/frames/clock.ts'
import { systemEntropy } from '../../../src/frames/entropy.ts'
import { Failure } from '../../../src/frames/failure.ts'
import { issuePermit } from '../../../src/frames/permit.ts'
import { type Integrity, integrities } from '../../../src/frames/provenance.ts'
import { policy } from '../../../src/policy/classes.ts'
import { decide } from '../../../src/policy/decide.ts'
import { openSqliteStore } from '../../../src/store/sqlite/sqlite.ts'
import type { Catalogue } from '../../../src/tools/mcp/catalogue.ts'
import { openTools } from '../../../src/tools/mcp/open-tools.ts'
import type { ServerSettings } from '../../../src/tools/mcp/server-settings.ts'
import type { ToolContext, ToolResult } from '../../../src/tools/tool.ts'
import { Secret } from '../../../src/vault/secret.ts'
import type { Secrets } from '../../../src/vault/secrets.ts'
import type { Behaviour, Listed } from './answering.ts'
import { type HttpServer, startHttpServer } from './http-server.ts'

const openMs = 8_000

/** A tool that takes one text. */
export function listed(name: string, change: Partial<Listed> = {}): Listed {
  const inputSchema = { type: 'object', properties: { text: { type: 'string' } } }
  return { name, description: `Does ${name}.`, inputSchema, ...change }
}

/** A server over HTTP that ends with the test. */
export async function httpServer(t: Test, behaviour: Behaviour): Promise<HttpServer> {
  const server = await startHttpServer({ calls: [], ...behaviour })
  t.teardown(() => server.close())
  return server
}

/** A program that behaves as its file says; `change` writes another behaviour. */
export function program(t: Test, behaviour: Behaviour) {
  const file = join(folder(t), 'behaviour.json')
  const change = (to: Behaviour) => writeFileSync(file, JSON.stringify(to))
  change(behaviour)
  const args = [join(import.meta.dirname, 'stdio-entry.ts'), file]
  return { file, change, reached: { by: 'stdio' as const, command: process.execPath, args, env: {} } }
}

function folder(t: Test): string {
  const path = mkdtempSync(join(tmpdir(), 'knomly-mcp-'))
  t.teardown(() => rmSync(path, { recursive: true, force: true }))
  return path
}

/** How a server is reached and trusted, as TOOLS_FILE would say it. */
export function settings(
  name: string,
  reached: ServerSettings['reached'] | { url: string },
  tools: Record<string, ServerSettings['tools'] extends ReadonlyMap<string, infer T> ? T : never> = {}
): ServerSettings {
  const by = 'url' in reached && !('by' in reached) ? { by: 'http' as const, url: reached.url, headers: {} } : reached
  return { name, reached: by as ServerSettings['reached'], tools: new Map(Object.entries(tools)) }
}

/** Secrets by tenant and name; who asked for which is in `asked`. */
export function secretsOf(kept: Record<string, string>) {
  const asked: string[] = []
  const secrets: Secrets = {
    async withSecret(name, { tenant, principal, tool }, use) {
      asked.push(`${tenant} ${principal} ${tool} ${name}`)
      const value = kept[`${tenant} ${name}`]
      if (value === undefined) {
        throw new Failure('SECRET_UNAVAILABLE', { refused: true })
      }
      return use(new Secret(value))
    }
  }
  return { secrets, asked, kept }
}

/** The tools of servers on a real store. `again` opens them anew on the same store, as a restart does. */
export async function openRemote(
  t: Test,
  servers: readonly ServerSettings[],
  options: { secrets?: Secrets; callMs?: number; taken?: string[] } = {}
) {
  const parts = { clock: systemClock, entropy: systemEntropy, contentMs: 3_600_000, auditMs: 3_600_000 }
  const store = await openSqliteStore({ dir: join(folder(t), 'data'), ...parts })
  const alerts: string[] = []
  const opened: Catalogue[] = []
  async function again(now: readonly ServerSettings[] = servers): Promise<Catalogue> {
    const catalogue = await openTools({
      servers: now,
      taken: new Set(options.taken ?? []),
      tenant: 'AC1',
      secrets: options.secrets ?? secretsOf({}).secrets,
      store,
      toldOf: toolAct,
      clock: systemClock,
      observe: (event, fields) => {
        if (event === 'alert') alerts.push((fields as { code: string }).code)
      },
      patience: { openMs, callMs: options.callMs ?? openMs }
    })
    opened.push(catalogue)
    return catalogue
  }
  t.teardown(async () => {
    await Promise.all(opened.map(each => each.close()))
    await store.close()
  })
  const audit = async () => {
    const { records } = await store.auditPage({ tenants: ['server'], limit: 100 })
    return records.map(({ actor, outcome, detail }) => `${actor} ${outcome} ${detail.tool}`).reverse()
  }
  return { store, alerts, again, audit, catalogue: await again() }
}

/** Calls a tool as the worker does, with a permit for what it is now. */
export async function call(
  catalogue: Catalogue,
  name: string,
  args: Record<string, unknown> = {},
  change: Partial<ToolContext> = {}
): Promise<ToolResult> {
  const tool = catalogue.get(name)
  if (tool === undefined) throw new Error(`there is no ${name}`)
  const permit = issuePermit({ execution: 'e', call: 'c', tool: name, class: tool.class, arguments: args })
  return tool.call(permit, contextOf(change))
}

/** What a tool is told of its caller. */
export function contextOf(change: Partial<ToolContext> = {}): ToolContext {
  const nothing = async () => {
    throw new Error('a remote tool has no business here')
  }
  return {
    ...{ tenant: 'AC1', userId: 'ana', idempotencyKey: 'k', integrity: 'user_voice', now: 0, fingerprint: null },
    ...{ records: { get: nothing, list: nothing, put: nothing }, send: nothing, signal: new AbortController().signal },
    ...change
  } as ToolContext
}

/** What the policy says of a call, by the label of its context. */
export function verdicts(catalogue: Catalogue, name: string, args: object = {}): string[] {
  return integrities.map(integrity => verdictOf(catalogue, name, args, integrity))
}

function verdictOf(catalogue: Catalogue, name: string, args: object, integrity: Integrity): string {
  const call = { execution: 'e', call: 'c', tool: name, arguments: JSON.stringify(args) }
  const rest = { tools: [], integrity, callsSoFar: 0, maxCalls: 9, approved: null, declined: false, now: 0 }
  const decision = decide(call, { ...rest, tool: catalogue.get(name), hosts: new Set(['example.org']) }, policy)
  if ('deny' in decision) return decision.deny.code
  return 'ask' in decision ? `ask ${decision.ask.class}` : 'allow'
}
