import { setTimeout as wait } from 'node:timers/promises'
import type { Custody } from './inbox/custody.ts'
import type { ShownExecution, ShownFrame } from './timeline.ts'

/** The operator API of a server, as the commands read it. */
export interface OperatorClient {
  /** One execution, or null where there is none. Rejects with an Error that says what to do. */
  execution(id: string): Promise<ShownExecution | null>
  /** What is switched off. Rejects with an Error that says what to do. */
  switches(): Promise<{ target: string; since: string }[]>
  /** Every tool, those of other servers with what these say of them. Rejects with an Error that says what to do. */
  tools(): Promise<ShownTool[]>
  /** Takes a tool as it is now, which `hash` names. Rejects with an Error that says what to do. */
  acceptTool(name: string, hash: string): Promise<void>
  /** Switches a target off, or on again. Rejects with an Error that says what to do. */
  setSwitch(target: string, off: boolean): Promise<void>
  /** What the server does with people's data and with the keys. */
  readonly custody: Custody
}

/** A tool as the API shows it. */
export interface ShownTool {
  readonly name: string
  readonly class: string
  readonly hash: string | null
  readonly state: string
  readonly annotations?: unknown
}

/** How an execution is followed: `onFrame` is told of each frame once, in order. */
export interface Following {
  readonly id: string
  readonly waitMs: number
  onFrame?(frame: ShownFrame, execution: ShownExecution): void
}

/** A client of the API below `origin`. What a proxy in front answers 429 is simply asked again. */
export function createOperatorClient(origin: string, token: string): OperatorClient {
  async function ask(path: string, init: RequestInit = {}): Promise<Response> {
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
    const response = await fetch(origin + path, { ...init, headers, redirect: 'error' }).catch(cause => {
      throw new Error(`Nothing answers on ${origin}: start the server (npm start), or check PORT and HOST.`, { cause })
    })
    if (response.status !== 429) return response
    await wait(Number(response.headers.get('retry-after') ?? 5) * 1_000)
    return ask(path, init)
  }

  /** What the API answered, or null for 404 where there is an API. */
  async function read(path: string, init?: RequestInit): Promise<unknown> {
    const response = await ask(path, init)
    return (await mustBeGood(response)) ? response.json() : null
  }

  /** Whether there is an answer; false for 404 where there is an API. */
  async function mustBeGood(response: Response): Promise<boolean> {
    if (response.ok) return true
    if (response.status === 401) {
      throw new Error('The server runs with another OPERATOR_TOKEN: set the same one here, or restart the server.')
    }
    if (response.status === 400 || response.status === 409)
      throw new Error(((await response.json()) as { error: { message: string } }).error.message)
    if (response.status !== 404) throw new Error(`The API answered ${response.status}: look at the server's log.`)
    if ((await ask('/api/conversations?limit=1')).status === 404) {
      throw new Error('The server runs without OPERATOR_TOKEN, so it has no API: set one and restart it.')
    }
    return false
  }

  return {
    execution: async id => (await read(`/api/executions/${encodeURIComponent(id)}`)) as ShownExecution | null,
    switches: async () => ((await read('/api/switches')) as { switches: { target: string; since: string }[] }).switches,
    tools: async () => ((await read('/api/tools')) as { tools: ShownTool[] }).tools,
    async acceptTool(name, hash) {
      const answered = await read(`/api/tools/${encodeURIComponent(name)}`, {
        method: 'POST',
        body: JSON.stringify({ accept: hash })
      })
      if (answered === null) throw new Error('There is no such tool: "knomly tools" lists them.')
    },
    async setSwitch(target, off) {
      await read(`/api/switches/${encodeURIComponent(target)}`, { method: 'PUT', body: JSON.stringify({ off }) })
    },
    custody: {
      async *exportUser(address, account) {
        const response = await ask('/api/users/export', { method: 'POST', body: JSON.stringify({ address, account }) })
        await mustBeGood(response)
        if (response.body !== null) yield* linesOf(response.body)
      },
      async eraseUser(address, account) {
        const body = JSON.stringify({ address, account })
        return ((await read('/api/users/erase', { method: 'POST', body })) as { erased: [] }).erased
      },
      rotateKeys: async () =>
        ((await read('/api/keys/rotate', { method: 'POST', body: '{}' })) as { rotated: number }).rotated
    }
  }
}

/** Asks ever more slowly until the execution rests, and answers it as it is then, or as it was when `waitMs` were over. */
export async function follow(client: OperatorClient, following: Following): Promise<ShownExecution | null> {
  const { id, waitMs, onFrame } = following
  const deadline = performance.now() + waitMs
  let seen = 0
  for (let pauseMs = 100; ; pauseMs = Math.min(pauseMs * 1.2, 2_000)) {
    const execution = await client.execution(id)
    for (const frame of execution?.frames.slice(seen) ?? []) onFrame?.(frame, execution as ShownExecution)
    seen = execution?.frames.length ?? 0
    if ((execution !== null && isAtRest(execution)) || performance.now() + pauseMs > deadline) return execution
    await wait(pauseMs)
  }
}

/** Whether nothing more happens by itself. */
export function isAtRest({ state }: Pick<ShownExecution, 'state'>): boolean {
  return state !== 'queued' && state !== 'running'
}

async function* linesOf(body: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  let rest = ''
  for await (const text of body.pipeThrough(new TextDecoderStream())) {
    const lines = `${rest}${text}`.split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) yield `${line}\n`
  }
  if (rest !== '') throw new Error('The server stopped in the middle of it: look at its log, and try again.')
}
