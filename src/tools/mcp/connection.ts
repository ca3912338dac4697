import { type CallToolResult, Client, StreamableHTTPClientTransport, type Tool } from '@modelcontextprotocol/client'
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio'
import { startDeadline } from '../../frames/deadline.ts'
import { isIssued, type Permit } from '../../frames/permit.ts'
import { limitedFetch, mostBytes } from './limited-fetch.ts'
import { type ServerSettings, valuesOf } from './server-settings.ts'

/** A tool as its server tells of it: nothing in it is believed. */
export type Definition = Tool
export type RemoteAnswer = CallToolResult

/** A connection to one server, with the values it was opened with. */
export interface Connection {
  /** Every tool that the server has, asked for now. */
  list(signal: AbortSignal): Promise<readonly Definition[]>
  /** Has the server make a permitted call of the tool as it was listed. Rejects with a TypeError without a permit. */
  call(permit: Permit, definition: Definition, signal: AbortSignal): Promise<RemoteAnswer>
  isOpen(): boolean
  close(): Promise<void>
}

/** What a connection may take: to be opened, to list, to call, ms. */
export interface Patience {
  readonly openMs: number
  readonly callMs: number
}

const mostPages = 10
const mostTools = 500
const probeMs = 4_000

/**
 * Opens a connection by either revision of the protocol that the server speaks. `values` are asked for at every request, with the
 * secrets in them, and throw where there are none now. `onChange` hears that the server says its tools changed.
 */
export async function openConnection(parts: {
  server: ServerSettings
  values: () => Readonly<Record<string, string>>
  patience: Patience
  /** What was found out by an earlier connection. */
  isLegacy: boolean
  onChange: () => void
}): Promise<Connection & { readonly isLegacy: boolean }> {
  const { server, patience, onChange } = parts
  let open = true
  const client = new Client(
    { name: 'knomly', version: '0.1.0' },
    {
      versionNegotiation: { mode: 'auto', probe: { timeoutMs: probeMs } },
      // Nobody is here to answer a server's own questions, and its schemas of answers bind nobody.
      inputRequired: { autoFulfill: false },
      jsonSchemaValidator: {
        getValidator: () => input => ({ valid: true, data: input as never, errorMessage: undefined })
      },
      ...(server.reached.by === 'stdio'
        ? { listChanged: { tools: { autoRefresh: false, onChanged: () => onChange() } } }
        : {})
    }
  )
  client.onerror = () => {}
  client.onclose = () => {
    open = false
  }
  const close = async () => {
    open = false
    await client.close().catch(() => {})
  }
  const deadline = startDeadline(new AbortController().signal, patience.openMs)
  try {
    const transport = transportTo(server, parts.values, () => void close())
    const options = { timeout: patience.openMs, signal: deadline.signal }
    const opening = client.connect(transport, parts.isLegacy ? { ...options, prior: { kind: 'legacy' } } : options)
    await Promise.race([opening, rejectedBy(deadline.signal)])
  } catch (error) {
    await close()
    throw error
  } finally {
    deadline.clear()
  }

  async function list(signal: AbortSignal): Promise<readonly Definition[]> {
    const tools: Definition[] = []
    let cursor: string | undefined
    for (let page = 0; page < mostPages && tools.length <= mostTools; page++) {
      const params = cursor === undefined ? {} : { cursor }
      const options = { timeout: patience.openMs, maxTotalTimeout: patience.openMs, signal }
      const listed = await client.request({ method: 'tools/list', params }, options)
      tools.push(...listed.tools)
      cursor = listed.nextCursor
      if (cursor === undefined) return tools
    }
    throw new RangeError('the server lists too many tools')
  }

  return {
    list,
    isLegacy: client.getProtocolEra() !== 'modern',
    isOpen: () => open,
    close,
    async call(permit, definition, signal) {
      if (!isIssued(permit)) throw new TypeError('a server was to be called without a permit')
      const limits = { timeout: patience.callMs, maxTotalTimeout: patience.callMs, signal }
      const params = { name: definition.name, arguments: { ...permit.arguments } }
      return client.callTool(params, { ...limits, toolDefinition: definition })
    }
  }
}

function transportTo(
  server: ServerSettings,
  values: () => Readonly<Record<string, string>>,
  onTooMuch: () => void
): StdioClientTransport | StreamableHTTPClientTransport {
  const { reached } = server
  if (reached.by === 'http') {
    return new StreamableHTTPClientTransport(new URL(reached.url), { fetch: limitedFetch(values, onTooMuch) })
  }
  return new StdioClientTransport({
    command: reached.command,
    args: [...reached.args],
    // Of our environment it gets PATH and HOME: an undefined value stands for none.
    env: { ...nothingOfOurs, ...values() },
    stderr: 'ignore',
    maxBufferSize: mostBytes
  })
}

const nothingOfOurs = Object.fromEntries(
  ['LOGNAME', 'SHELL', 'TERM', 'USER'].map(name => [name, undefined])
) as unknown as Record<string, string>

/** The values of a server with the secrets in their places. */
export function valuesWith(server: ServerSettings, secrets: ReadonlyMap<string, string>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(valuesOf(server)).map(([name, value]) => [
      name,
      typeof value === 'string' ? value : (secrets.get(value.secret) as string)
    ])
  )
}

function rejectedBy(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason), { once: true }))
}
