import type { Clock } from '../../frames/clock.ts'
import type { Observe } from '../../frames/event.ts'
import { Failure } from '../../frames/failure.ts'
import type { ToolClass } from '../../frames/kinds.ts'
import type { Tool } from '../tool.ts'
import { createReader } from './arguments-reader.ts'
import type { Definition } from './connection.ts'
import type { Connections } from './connections.ts'
import type { Pins } from './pins.ts'
import { createRemoteTool, type RemoteParts, remoteHash } from './remote-tool.ts'
import type { ServerSettings, ToolTrust } from './server-settings.ts'

/** How a remote tool stands: offered, in doubt because it changed, unusable, or without a name of its own. */
export type RemoteState = 'offered' | 'changed' | 'unusable' | 'left-out' | 'missing'

/** A remote tool as the operator sees it. `title`, `description` and `annotations` are the server's own words: shown, never used. */
export interface ShownTool {
  readonly name: string
  readonly server: string
  readonly class: ToolClass
  readonly hash: string | null
  readonly state: RemoteState
  readonly title?: string | undefined
  readonly description?: string | undefined
  readonly annotations?: unknown
}

/** The tools of all servers, as they were last listed. */
export interface Catalogue {
  get(name: string): Tool | undefined
  /** Those that may be called, in the order of the file and of their servers. */
  list(): readonly Tool[]
  shown(): readonly ShownTool[]
  /** Takes a tool as it is now. Throws NOT_FOUND for no such tool, and TOOL_NOT_AS_SEEN where `hash` is not its hash now or the file names another. */
  accept(name: string, hash: string): Promise<void>
  /** Lists the tools of one server again, or of all. It never rejects. */
  refresh(server?: string): Promise<void>
  close(): Promise<void>
}

interface Entry {
  readonly shown: ShownTool
  readonly tool: Tool | null
}

const names = /^[a-zA-Z0-9_-]{1,64}$/
/** A model is offered no more: providers take so many. */
const mostOffered = 100
const everyMs = 60_000
const lookEveryMs = 1_000
const firstPauseMs = 2_000

/** The parts of a catalogue. `taken` are the names of the server's own tools, `tenant` whose secrets are listed with. */
export interface CatalogueParts {
  readonly servers: readonly ServerSettings[]
  readonly connections: Connections
  readonly pins: Pins
  readonly clock: Pick<Clock, 'monotonic'>
  readonly observe: Observe
  readonly taken: ReadonlySet<string>
  readonly tenant: string
}

/** Lists the tools of all servers once, and from then on each minute; a server that does not answer is asked again ever more slowly. */
export async function openCatalogue(parts: CatalogueParts): Promise<Catalogue> {
  const { servers, connections, pins, clock, observe, tenant } = parts
  const known = new Map<string, readonly Entry[]>()
  const due = new Map<string, { at: number; failures: number }>()
  const listing = new Map<string, Promise<void>>()
  const entries = () => servers.flatMap(({ name }) => known.get(name) ?? [])
  const isOffered = ({ tool }: Entry) => tool !== null && tool.class !== 'K'

  async function list(server: ServerSettings): Promise<void> {
    const failures = due.get(server.name)?.failures ?? 0
    try {
      const scope = { tenant, principal: 'server', tool: `${server.name}__` }
      const never = new AbortController().signal
      const definitions = await connections.use(server, scope, connection => connection.list(never))
      const before = known.get(server.name) ?? []
      const now = await readAll(server, definitions)
      known.set(server.name, now)
      for (const code of alertsOf(before, now)) observe('alert', { code, execution: null })
      due.set(server.name, { at: clock.monotonic() + everyMs, failures: 0 })
    } catch {
      if (failures === 0) observe('alert', { code: 'tool-server-down', execution: null })
      const pause = Math.min(everyMs, firstPauseMs * 2 ** failures)
      due.set(server.name, { at: clock.monotonic() + pause, failures: failures + 1 })
    }
  }

  async function readAll(server: ServerSettings, definitions: readonly Definition[]): Promise<Entry[]> {
    const others = new Set([...parts.taken, ...offeredBy(server.name)])
    const read: Entry[] = []
    for (const definition of definitions) {
      const name = `${server.name}__${definition.name}`
      const isAlone = definition.name !== '' && definitions.filter(each => each.name === definition.name).length === 1
      const isFull = others.size + read.filter(isOffered).length >= mostOffered
      read.push(await entryOf(server, definition, isAlone && !isFull && names.test(name) && !others.has(name)))
    }
    const missing = [...server.tools].filter(([name]) => !definitions.some(each => each.name === name))
    return [...read, ...missing.map(([name, trust]) => absent(server, name, trust))]
  }

  const offeredBy = (except: string) =>
    [...known].flatMap(([server, entries]) =>
      server === except ? [] : entries.filter(isOffered).map(({ shown }) => shown.name)
    )

  async function entryOf(server: ServerSettings, definition: Definition, isNamed: boolean): Promise<Entry> {
    const name = `${server.name}__${definition.name}`.slice(0, 200)
    const classed = server.tools.get(definition.name)
    const trust = classed ?? { class: 'D' as const }
    const described = { title: definition.title, annotations: definition.annotations }
    const { description } = definition
    const shown = { name, server: server.name, class: trust.class, hash: null, description, ...described }
    if (!isNamed) return { shown: { ...shown, state: 'left-out' }, tool: null }
    try {
      const hash = remoteHash(definition)
      const isGood = (await standing(name, hash, trust)) === 'good'
      const before = entries().find(each => each.shown.name === name && each.shown.hash === hash)
      if (before?.shown.state === (isGood ? 'offered' : 'changed'))
        return { ...before, shown: { ...before.shown, ...described } }
      const reader = createReader(definition.inputSchema)
      // What nobody classed destroys and goes out (safety rule 3.2).
      const isOutward = classed === undefined || classed.class === 'X' || classed.class === 'H'
      const trusted = { class: isGood ? trust.class : ('K' as const), isOutward, isVouchedFor: classed !== undefined }
      const remote = { name, server, definition, hash, ...trusted }
      const state = isGood ? ('offered' as const) : ('changed' as const)
      return { shown: { ...shown, hash, state }, tool: createRemoteTool(remote, reader, remoteParts) }
    } catch (error) {
      if (error instanceof Failure) throw error
      return { shown: { ...shown, state: 'unusable' }, tool: null }
    }
  }

  async function standing(name: string, hash: string, trust: ToolTrust): Promise<'good' | 'changed'> {
    if (trust.hash === undefined) return pins.see(name, hash)
    return trust.hash === hash ? 'good' : 'changed'
  }

  const trustIn = (name: string) => {
    const entry = entries().find(({ shown }) => shown.name === name)
    const server = servers.find(each => each.name === entry?.shown.server)
    return { entry, trust: server?.tools.get(name.slice(server.name.length + 2)) }
  }

  const remoteParts: RemoteParts = {
    connections,
    isGood: async (name, hash) => {
      const { trust } = trustIn(name)
      return trust?.hash === undefined ? pins.isGood(name, hash) : trust.hash === hash
    },
    onChanged: ({ server }) => void refresh(server.name)
  }

  async function refresh(name?: string): Promise<void> {
    const chosen = servers.filter(server => name === undefined || server.name === name)
    await Promise.all(
      chosen.map(server => {
        const next = (listing.get(server.name) ?? Promise.resolve()).then(() => list(server))
        listing.set(server.name, next)
        return next
      })
    )
  }

  await refresh()
  const timer = setInterval(() => {
    for (const { name } of servers) {
      const at = due.get(name)?.at ?? 0
      if (clock.monotonic() < at) continue
      due.set(name, { at: Number.POSITIVE_INFINITY, failures: due.get(name)?.failures ?? 0 })
      void refresh(name)
    }
  }, lookEveryMs)
  timer.unref()

  return {
    refresh,
    get: name => entries().find(({ shown }) => shown.name === name && shown.state !== 'left-out')?.tool ?? undefined,
    list: () => entries().flatMap(entry => (isOffered(entry) ? (entry.tool as Tool) : [])),
    shown: () => entries().map(({ shown }) => shown),
    async accept(name, hash) {
      const { entry, trust } = trustIn(name)
      if (entry === undefined) throw new Failure('NOT_FOUND')
      if (entry.shown.hash !== hash || (trust?.hash !== undefined && trust.hash !== hash)) {
        throw new Failure('TOOL_NOT_AS_SEEN')
      }
      await pins.accept(name, hash)
      await refresh(entry.shown.server)
    },
    async close() {
      clearInterval(timer)
      await connections.close()
      await Promise.all(listing.values())
    }
  }
}

function absent(server: ServerSettings, name: string, trust: ToolTrust): Entry {
  const shown = { name: `${server.name}__${name}`, server: server.name, class: trust.class, hash: null }
  return { shown: { ...shown, state: 'missing' }, tool: null }
}

const alertFor: Readonly<Partial<Record<RemoteState, string>>> = {
  changed: 'tool-changed',
  unusable: 'tool-left-out',
  'left-out': 'tool-left-out'
}

/** A code for each tool that stands otherwise than when it was last listed. */
function alertsOf(before: readonly Entry[], now: readonly Entry[]): string[] {
  const wasSo = ({ name, state, hash }: ShownTool) =>
    before.some(({ shown }) => shown.name === name && shown.state === state && shown.hash === hash)
  return now.flatMap(({ shown }) => (wasSo(shown) ? [] : (alertFor[shown.state] ?? [])))
}
