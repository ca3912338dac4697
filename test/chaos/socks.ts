import type { Socket } from 'node:net'

// RFC 1928: version 5, no authentication; version 5, succeeded, bound to nothing that matters.
const welcome = Buffer.from([5, 0])

/** What a client is answered once the way to where it wants to go is open. */
export const granted = Buffer.from([5, 0, 0, 1, 0, 0, 0, 0, 0, 0])

/** Reads where a client wants to go (RFC 1928). Rejects where it leaves before it has said so. */
export async function greet(client: Socket): Promise<{ host: string; port: number; rest: Buffer }> {
  const read = reader(client)
  const [, methods = 0] = await read(2)
  await read(methods)
  client.write(welcome)
  const [, , , kind] = await read(4)
  const isName = kind === 3
  const address = await read(isName ? ((await read(1))[0] ?? 0) : 4)
  const port = (await read(2)).readUInt16BE()
  return { host: isName ? address.toString() : address.join('.'), port, rest: read.rest() }
}

/** Reads exactly so many bytes at a time, and at last hands the socket over with what came too much. */
function reader(socket: Socket): { (size: number): Promise<Buffer>; rest(): Buffer } {
  let pending: Buffer = Buffer.alloc(0)
  let more = Promise.withResolvers<void>()
  more.promise.catch(() => {})
  const onData = (chunk: Buffer) => {
    pending = Buffer.concat([pending, chunk])
    more.resolve()
  }
  const onClose = () => more.reject(new Error('the client left'))
  socket.on('data', onData).on('close', onClose)
  const read = async (size: number) => {
    while (pending.length < size) {
      if (socket.destroyed) throw new Error('the client left')
      more = Promise.withResolvers<void>()
      await more.promise
    }
    const bytes = pending.subarray(0, size)
    pending = pending.subarray(size)
    return bytes
  }
  return Object.assign(read, {
    rest() {
      socket.off('data', onData).off('close', onClose)
      return pending
    }
  })
}
