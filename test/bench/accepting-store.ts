// The other process of a wake-up: it accepts messages and works none.
import { systemClock } from '../../src/frames/clock.ts'
import { systemEntropy } from '../../src/frames/entropy.ts'
import { openMongoStore } from '../../src/store/mongodb/mongodb.ts'
import type { Store } from '../../src/store/store.ts'
import { accountSid } from '../stage.ts'
import { message } from '../store/builders.ts'
import { takeOrders } from './child.ts'
import { machineTime } from './machine-time.ts'

const opened = Promise.withResolvers<Store>()

takeOrders({
  async open(uri: string) {
    opened.resolve(await openMongoStore({ uri, clock: systemClock, entropy: systemEntropy, contentMs: 1_000 }))
    await opened.promise
  },
  /** Answers when the message was acknowledged. */
  async accept({ id, lane }: { id: string; lane: string }) {
    await (await opened.promise).accept(message({ id, lane, tenant: accountSid }))
    return machineTime()
  },
  /** How long it takes to change one small document on the majority, ms. */
  async write() {
    const store = await opened.promise
    const started = machineTime()
    await store.ready()
    return machineTime() - started
  }
})
