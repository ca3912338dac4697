/** One entry of what the model was shown, oldest first, whichever API it came by. */
export type AgentItem =
  | { readonly role: 'user' | 'assistant'; readonly text: string }
  | { readonly role: 'call'; readonly id: string; readonly name: string; readonly arguments: string }
  | { readonly role: 'result'; readonly id: string; readonly output: string }

/** What a scripted agent is asked. `body` is the request as it came. */
export interface AgentRequest {
  readonly api: 'responses' | 'chat'
  readonly model: string
  readonly instructions: string
  readonly items: readonly AgentItem[]
  readonly toolNames: readonly string[]
  readonly body: Readonly<Record<string, unknown>>
}

/** What it answers. Arguments given as text go out as they are, so that a script can also answer nonsense. */
export interface Turn {
  readonly text?: string
  readonly calls?: readonly { readonly name: string; readonly arguments: object | string; readonly id?: string }[]
  /** The model's own words for not answering. */
  readonly refusal?: string
  /** Why the answer stops short. */
  readonly incomplete?: 'max_output_tokens' | 'content_filter'
}

/** The part of the language model that a stand-in cannot be: somebody has to write down what it says. */
export type Agent = (request: AgentRequest) => Turn | Promise<Turn>

/** One turn of a script, or what makes it from the request. */
export type Step = Turn | Agent

/** An agent that plays its steps once each, in order. A call beyond them throws; `assertPlayed` throws while some are left. */
export function scriptedAgent(steps: readonly Step[]): Agent & { assertPlayed(): void } {
  let played = 0
  const agent: Agent = request => {
    const step = steps[played++]
    if (step === undefined)
      throw new Error(`A surprise: the script has ${steps.length} steps and this is call ${played}`)
    return typeof step === 'function' ? step(request) : step
  }
  return Object.assign(agent, {
    assertPlayed() {
      if (played < steps.length) throw new Error(`The script has ${steps.length} steps; ${played} were played`)
    }
  })
}
