// The server as it would be without group commit: a statement for each message, and everything else as it is.
import { systemClock } from '../../src/frames/clock.ts'
import { startServer } from '../../src/server.ts'
import { collectionsOf } from '../../src/store/mongodb/collections.ts'
import { createClient, createReach } from '../../src/store/mongodb/connection.ts'
import { toDoc } from '../../src/store/mongodb/executions.ts'
import { createLanes, type Ring } from '../../src/store/mongodb/lanes.ts'
import { createServerTime } from '../../src/store/mongodb/server-time.ts'
import type { Acceptance, Store } from '../../src/store/store.ts'

const contentMs = 86_400_000
const { executions, lanes: laneDocs } = collectionsOf(createClient(process.env.MONGODB_URI ?? '').db())
const time = createServerTime(systemClock, () => 0)
const lanes = createLanes({ lanes: laneDocs, time, tell: () => {} })
const reach = createReach(() => false)
const unrung = new Map<string, Ring>()
let isRinging = false

await startServer(process.env, { wrap: ports => ({ ...ports, store: { ...ports.store, accept } }) })

async function accept(message: Acceptance): ReturnType<Store['accept']> {
  await reach(() => executions.insertOne(toDoc(message, systemClock.now(), contentMs)))
  const { lane, tenant } = message
  unrung.set(lane, { lane, tenant, isWork: message.state === 'queued', arrived: true })
  void ring()
  return 'accepted'
}

/** As the server does: not waited for, and together with those that came meanwhile. */
async function ring(): Promise<void> {
  if (isRinging) return
  isRinging = true
  while (unrung.size > 0) {
    const rings = [...unrung.values()]
    unrung.clear()
    await lanes.ring(rings).catch(() => {})
  }
  isRinging = false
}
