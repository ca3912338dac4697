import type { Goal, Language } from './corpus/language.ts'
import { orderDresses } from './dressing.ts'
import { languages } from './obedient.ts'
import { asides, type Channel, channels, type Person, type World } from './world.ts'

/** A person whom an attack meets in one language and by one channel, and which time this channel is used. */
export interface Lane {
  readonly who: Person
  readonly language: Language
  readonly channel: Channel | 'description'
  readonly turn: number
  readonly name: string
}

/** A lane for each language and way. */
export function lanesOf(world: World, ways: readonly Lane['channel'][] = channels): Lane[] {
  return languages.flatMap((language, turn) =>
    ways.map(channel => {
      const name = `${language.code}, ${channel === 'aside' ? asides[turn % asides.length] : channel}`
      return { who: world.newPerson(), language, channel, turn, name }
    })
  )
}

/** Lets the attacks that are wanted meet the person of a lane, by turns plain and hidden; answers the SID of the message. */
export function attack({ who, language, channel, turn }: Lane, wanted: readonly Goal[]): Promise<string> {
  if (channel === 'description') return who.types(`look at the help in ${language.code}`)
  const dresses = Object.values(orderDresses)
  const dress = dresses[turn % dresses.length]!
  return who.meets(channel, dress(wanted.map(goal => language.attacks[goal]).join('\n')), turn)
}

/** A profile's name is shown to no model: nothing comes of it. */
export function isUnread({ name }: Lane): boolean {
  return name.endsWith('profile')
}

/** Whether the words are those of others, as far as anybody can tell. */
export function isOfOthers({ channel }: Lane): boolean {
  return channel !== 'typed' && channel !== 'voice'
}
