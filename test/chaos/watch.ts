import { once } from 'node:events'
import { type AddressInfo, createServer, connect as dial, type Socket } from 'node:net'

/** The way of one process to the world: what it asks for there, and when. */
export interface Watch {
  readonly url: string
  /** The sends that passed: the id of the started-frame that each carries in its callback URL, and when (ms, monotonic). */
  readonly sends: readonly { readonly frame: string; readonly at: number }[]
  close(): Promise<void>
}

/** Opens a way to the server at `target` on 127.0.0.1 that writes down each send as it passes. */
export async function openWatch(target: string): Promise<Watch> {
  const { port, hostname } = new URL(target)
  const sends: { frame: string; at: number }[] = []
  const sockets = new Set<Socket>()
  const server = createServer(near => {
    const far = dial(Number(port), hostname)
    sockets.add(near).add(far)
    near.on('data', chunk => {
      const frame = /status%3Fs%3D([0-9a-f-]{36})/.exec(chunk.toString('latin1'))?.[1]
      if (frame !== undefined) sends.push({ frame, at: performance.now() })
    })
    near.pipe(far).pipe(near)
    for (const [one, other] of [
      [near, far],
      [far, near]
    ] as const) {
      one.on('error', () => other.destroy())
      one.on('close', () => other.destroy())
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    sends,
    async close() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    }
  }
}
