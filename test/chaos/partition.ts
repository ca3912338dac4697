import { once } from 'node:events'
import { type AddressInfo, createServer, connect as dial, type Socket } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import { granted, greet } from './socks.ts'

/** The network between one process and the members: a SOCKS5 proxy that the driver of that process goes through. */
export interface Partition {
  /** The same database, reached through here. */
  through(uri: string): string
  /** Keeps back all bytes to and from a member (all of them where none is named), in both directions and without a word: connections stay open. */
  cut(host?: string): void
  /** Lets the bytes through again, those that were kept back first, as TCP does; with `drop` the connections that missed some are reset instead. */
  heal(options?: { drop?: boolean }): void
  /** Delays every piece by so many ms. */
  slow(ms: number): void
  /** How many pieces were ever kept back: proof that a cut bit. */
  kept(): number
  close(): Promise<void>
}

/** Opens the network of one process on 127.0.0.1. The driver needs the package `socks` for it, which comes with the tests' own packages. */
export async function openPartition(): Promise<Partition> {
  const links = new Set<Link>()
  const cuts = new Set<string>()
  const gate = createGate()
  let delayMs = 0
  let kept = 0

  const isCut = (host: string) => cuts.has(everybody) || cuts.has(host)

  /** Resolves when a piece may pass; null where it never may. */
  async function pass(link: Link): Promise<boolean> {
    if (delayMs > 0) await wait(delayMs)
    if (!isCut(link.host)) return !link.dropped
    kept += 1
    link.missed = true
    while (isCut(link.host) && !link.dropped) await gate.opened()
    return !link.dropped
  }

  function relay(link: Link, from: Socket, to: Socket): void {
    let order: Promise<unknown> = Promise.resolve()
    const then = (deliver: () => unknown) => {
      order = order.then(async () => ((await pass(link)) ? deliver() : undefined))
    }
    from.on('data', chunk => then(() => to.write(chunk)))
    from.on('close', () => then(() => to.destroy()))
  }

  const server = createServer(client => {
    client.on('error', () => {})
    const connect = async () => {
      const { host, port, rest } = await greet(client)
      const link: Link = { host: `${host}:${port}`, client, missed: false, dropped: false }
      links.add(link)
      client.once('close', () => links.delete(link))
      if (!(await pass(link))) return
      const member = dial(port, host)
      member.on('error', () => client.destroy())
      await once(member, 'connect')
      link.member = member
      relay(link, client, member)
      relay(link, member, client)
      client.write(granted)
      if (rest.length > 0) member.write(rest)
    }
    // Whoever cannot be reached is gone: the client is told by the end of its connection.
    connect().catch(() => client.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo

  function drop(link: Link): void {
    link.dropped = true
    link.client.destroy()
    link.member?.destroy()
  }

  return {
    through: uri => `${uri}&proxyHost=127.0.0.1&proxyPort=${port}`,
    cut: (host = everybody) => void cuts.add(host),
    heal({ drop: isDropping = false } = {}) {
      cuts.clear()
      if (isDropping) for (const link of links) if (link.missed) drop(link)
      gate.open()
    },
    slow(ms) {
      delayMs = ms
    },
    kept: () => kept,
    async close() {
      for (const link of links) drop(link)
      gate.open()
      server.close()
      await once(server, 'close')
    }
  }
}

interface Link {
  readonly host: string
  readonly client: Socket
  member?: Socket
  missed: boolean
  dropped: boolean
}

const everybody = '*'

/** What one waits for again and again. */
function createGate(): { opened(): Promise<void>; open(): void } {
  let next = Promise.withResolvers<void>()
  return {
    opened: () => next.promise,
    open() {
      next.resolve()
      next = Promise.withResolvers<void>()
    }
  }
}
