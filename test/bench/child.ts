import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'

/** A process of the bench that does what it is told. */
export interface Child {
  /** Gives an order and settles with its answer; rejects where the child could not carry it out, or died. */
  ask<T>(name: string, order?: unknown): Promise<T>
  stop(): Promise<void>
}

/** Carries out one kind of order. */
export type Orders = Readonly<Record<string, (order: never) => unknown>>

type Answer = { readonly id: number; readonly answer?: unknown; readonly error?: string }
type Waiting = { resolve: (answer: never) => void; reject: (error: Error) => void }

/** Starts a file of this folder as a process of its own: what is measured must not share a thread with what measures. */
export function startChild(file: string, args: readonly string[] = []): Child {
  const child: ChildProcess = fork(join(import.meta.dirname, file), args, { serialization: 'advanced' })
  const waiting = new Map<number, Waiting>()
  let orders = 0
  child.on('message', ({ id, answer, error }: Answer) => {
    const asked = waiting.get(id)
    waiting.delete(id)
    if (error === undefined) asked?.resolve(answer as never)
    else asked?.reject(new Error(`${file}: ${error}`))
  })
  const exited = once(child, 'exit').then(() => {
    for (const { reject } of waiting.values()) reject(new Error(`${file} ended`))
  })
  return {
    ask(name, order) {
      const id = ++orders
      return new Promise((resolve, reject) => {
        waiting.set(id, { resolve, reject })
        child.send({ id, name, order }, error => error && reject(error))
      })
    },
    async stop() {
      child.kill('SIGKILL')
      await exited
    }
  }
}

/** The child's side: answers the orders of the process that started it. */
export function takeOrders(orders: Orders): void {
  process.on('message', async ({ id, name, order }: { id: number; name: string; order: unknown }) => {
    const answer = await Promise.resolve()
      .then(() => orders[name]?.(order as never))
      .then(
        (answer): Answer => ({ id, answer }),
        (error: Error): Answer => ({ id, error: error.message })
      )
    process.send?.(answer)
  })
  process.on('disconnect', () => process.exit())
}
