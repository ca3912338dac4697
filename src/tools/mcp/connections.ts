import { createHash } from 'node:crypto'
import type { Clock } from '../../frames/clock.ts'
import type { SecretScope, Secrets } from '../../vault/secrets.ts'
import { type Connection, openConnection, type Patience, valuesWith } from './connection.ts'
import { type ServerSettings, secretNames } from './server-settings.ts'

/** The connections to servers: one a server, or one a server and tenant where the server is given secrets. */
export interface Connections {
  /**
   * Lends the connection to `work`, opened where there is none. Secrets are asked for each time, for this scope, and are let go of
   * afterwards. Rejects with Unreached where the server does not answer, and with what the secrets and `work` reject with.
   */
  use<T>(server: ServerSettings, scope: SecretScope, work: (connection: Connection) => Promise<T>): Promise<T>
  close(): Promise<void>
}

/** Nobody answered, so nothing was asked of the server. */
export class Unreached extends Error {
  override readonly name = 'Unreached'
}

interface Line {
  connection: Promise<Connection> | null
  /** The values that requests go with, while they are lent. */
  values: Readonly<Record<string, string>> | null
  lent: number
  /** Hash of the values that a program was started with. */
  startedWith: string
  failures: number
  notBefore: number
}

const longestPauseMs = 30_000
const firstPauseMs = 250

/** Makes the connections. None is opened before it is used. `onChange` hears which server says that its tools changed. */
export function createConnections(parts: {
  secrets: Secrets
  clock: Pick<Clock, 'monotonic'>
  patience: Patience
  onChange: (server: string) => void
}): Connections {
  const { secrets, clock, patience } = parts
  const lines = new Map<string, Line>()
  const legacy = new Set<string>()
  let closed = false

  function lineOf(server: ServerSettings, { tenant }: SecretScope): Line {
    const key = secretNames(server).length === 0 ? server.name : `${server.name}\n${tenant}`
    const line = lines.get(key) ?? { ...none }
    lines.set(key, line)
    return line
  }

  async function connected(server: ServerSettings, line: Line, values: Record<string, string>): Promise<Connection> {
    const hash = server.reached.by === 'stdio' ? hashOf(values) : ''
    const held = await line.connection?.catch(() => null)
    if (held?.isOpen() === true && line.startedWith === hash) return held
    if (held?.isOpen() === false) pause(line)
    if (closed || clock.monotonic() < line.notBefore) throw new Unreached('it is not tried again yet')
    await held?.close()
    line.startedWith = hash
    line.connection = openConnection({
      server,
      patience,
      isLegacy: legacy.has(server.name),
      values: () => line.values ?? refuse(),
      onChange: () => parts.onChange(server.name)
    }).then(opened => {
      if (opened.isLegacy) legacy.add(server.name)
      return opened
    })
    return line.connection.catch(cause => {
      line.connection = null
      pause(line)
      throw new Unreached('it does not answer', { cause })
    })
  }

  function pause(line: Line): void {
    line.failures++
    line.connection = null
    line.notBefore = clock.monotonic() + Math.min(longestPauseMs, firstPauseMs * 2 ** (line.failures - 1))
  }

  async function lend<T>(
    server: ServerSettings,
    line: Line,
    values: Record<string, string>,
    work: (connection: Connection) => Promise<T>
  ): Promise<T> {
    line.values = values
    line.lent++
    try {
      // One after the other: two calls at once open one connection.
      const connecting = (opening.get(line) ?? Promise.resolve()).then(() => connected(server, line, values))
      opening.set(
        line,
        connecting.catch(() => {})
      )
      const connection = await connecting
      const result = await work(connection)
      if (connection.isOpen()) line.failures = 0
      return result
    } finally {
      line.lent--
      if (line.lent === 0) line.values = null
    }
  }
  const opening = new WeakMap<Line, Promise<unknown>>()

  return {
    async use(server, scope, work) {
      const withAll = async (names: readonly string[], known: ReadonlyMap<string, string>): Promise<unknown> => {
        const [name, ...rest] = names
        if (name === undefined) return lend(server, lineOf(server, scope), valuesWith(server, known), work)
        return secrets.withSecret(name, scope, secret => withAll(rest, new Map([...known, [name, secret.reveal()]])))
      }
      return (await withAll(secretNames(server), new Map())) as Awaited<ReturnType<typeof work>>
    },
    async close() {
      closed = true
      await Promise.all([...lines.values()].map(async line => (await line.connection?.catch(() => null))?.close()))
    }
  }
}

const none: Line = { connection: null, values: null, lent: 0, startedWith: '', failures: 0, notBefore: 0 }

function refuse(): never {
  throw new TypeError('no call is under way, so there are no values to send')
}

function hashOf(values: Readonly<Record<string, string>>): string {
  return createHash('sha256').update(JSON.stringify(values)).digest('hex')
}
