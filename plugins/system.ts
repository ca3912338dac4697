import fp from 'fastify-plugin'
import type { Channel } from '../src/channels/channel.ts'
import type { TwilioAccount } from '../src/channels/twilio-account.ts'
import type { Clock } from '../src/frames/clock.ts'
import type { Observe } from '../src/frames/event.ts'
import type { Inbox } from '../src/inbox/inbox.ts'
import type { Store } from '../src/store/store.ts'

/** What routes and plugins may reach of the server. */
export interface System {
  readonly config: {
    readonly publicUrl: string
    /** What a person of a tenant may send; 0 is no limit. */
    readonly budgetsOf: (tenant: string) => { readonly messagesPerMinute: number }
    /** Refused requests a minute; 0 is off. */
    readonly rateLimitPerIp: number
  }
  readonly accounts: ReadonlyMap<string, TwilioAccount>
  readonly channelOf: (account: string) => Channel
  readonly inbox: Inbox
  readonly store: Pick<Store, 'take'>
  readonly clock: Clock
  readonly observe: Observe
}

declare module 'fastify' {
  interface FastifyInstance {
    system: System
  }
}

/** Hands the system to the routes as `app.system`. */
export const system = fp<{ system: System }>(async (app, options) => void app.decorate('system', options.system), {
  name: 'system'
})
