import { readBody, serveLoopback } from '../../src/simulator/loopback.ts'

/** One effect of a tool in the world outside the server: `pid` is the process that did it, `at` when (ms, monotonic). */
export interface Effect {
  readonly tool: string
  readonly key: string
  readonly words: string
  readonly pid: number
  readonly at: number
}

/** The world outside: what was done to it stays done, whatever becomes of the server. */
export interface EffectLedger {
  readonly url: string
  readonly effects: readonly Effect[]
  close(): Promise<void>
}

/** Opens the ledger on 127.0.0.1; `posted` is told of each effect after it is written and before it is answered. */
export async function openLedger(posted: (effect: Effect) => unknown): Promise<EffectLedger> {
  const effects: Effect[] = []
  const { url, close } = await serveLoopback(async (request, response) => {
    const at = performance.now()
    const effect: Effect = { ...JSON.parse((await readBody(request)).toString()), at }
    effects.push(effect)
    await posted(effect)
    response.writeHead(204).end()
  })
  return { url, effects, close }
}
