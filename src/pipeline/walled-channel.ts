import type { Channel } from '../channels/channel.ts'
import { Failure } from '../frames/failure.ts'
import type { Egress } from '../policy/egress.ts'

/**
 * A channel through which no secret goes, whoever sends: the last look at every text, in the one place that all of them pass. Throws
 * SECRET_WITHHELD, `refused`: nothing was sent.
 */
export function wallIn(channelOf: (tenant: string) => Channel, egress: Pick<Egress, 'holdsSecret'>) {
  return (tenant: string): Channel => {
    const channel = channelOf(tenant)
    return {
      ...channel,
      async send(outgoing, signal) {
        if (egress.holdsSecret(outgoing.text)) throw new Failure('SECRET_WITHHELD', { refused: true })
        return channel.send(outgoing, signal)
      }
    }
  }
}
