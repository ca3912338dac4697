import type { Agent } from '../simulator/agent-script.ts'

/** An agent that can be stopped in the middle of a thought. */
export interface HeldAgent {
  readonly agent: Agent
  /** How often it was asked. */
  turns(): number
  /** Makes it keep its answer to the next result of a tool. */
  hold(): void
  /** Whether it was asked, and keeps its answer. */
  isThinking(): boolean
  /** Lets it answer again. */
  letGo(): void
}

/** Wraps an agent so that the demo can kill the server exactly while the model thinks. */
export function createHeldAgent(agent: Agent): HeldAgent {
  let turns = 0
  let isThinking = false
  let holding: PromiseWithResolvers<void> | undefined
  return {
    async agent(request) {
      turns++
      if (holding !== undefined && request.items.at(-1)?.role === 'result') {
        isThinking = true
        await holding.promise
      }
      return agent(request)
    },
    turns: () => turns,
    hold() {
      holding = Promise.withResolvers()
    },
    isThinking: () => isThinking,
    letGo() {
      holding?.resolve()
      holding = undefined
      isThinking = false
    }
  }
}
