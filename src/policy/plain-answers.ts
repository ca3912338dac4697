// Whole messages that say no or yes and nothing else, by language: a no refuses what was asked, a yes approves nothing.
// Latin letters stand without accents, as `bare` leaves them.

const noes = `
no|nope|no thanks|no thank you|cancel|cancel it|cancel that|dont|do not|dont do it|do not do it|stop it|refuse|never mind
no gracias|cancela|cancelalo|cancelar|no lo hagas|mejor no
non|non merci|annule|annuler|annulez|ne le fais pas
nein|nein danke|abbrechen|lass es|nicht machen|stornieren
nao|nao obrigado|nao obrigada|cancele|nao faca isso
no grazie|annulla|annullare|non farlo
nee|nee bedankt|annuleer|annuleren|niet doen
nie|nie dziekuje|anuluj|nie rob tego
hayir|iptal|iptal et|vazgec
нет|нет спасибо|отмена|отмени|отменить|не надо|не делай этого
ні|ні дякую|скасуй|скасувати
لا|لا شكرا|الغاء|إلغاء|ألغ|الغ|ألغي
לא|לא תודה|בטל|ביטול
नहीं|नही|रद्द करो|रद्द करें|मत करो
না|বাতিল|বাতিল করো
不|不要|不用|不行|取消|不是|别做
いいえ|いや|キャンセル|やめて|取り消し|だめ
아니|아니요|아니오|취소|취소해|하지 마
tidak|jangan|batal|batalkan
khong|huy|huy bo|dung lam
hapana|ghairi|sitisha
`

const yeses = `
yes|yes please|yep|yeah|ok|okay|sure|do it|go ahead|confirm|confirmed|approve|approved|i approve|correct|👍|✅
si|claro|vale|hazlo|adelante|confirmo|apruebo|de acuerdo
oui|daccord|vas y|je confirme|japprouve
ja|jawohl|mach es|in ordnung|bestatigt|genehmigt
sim|pode fazer|confirmo|aprovo
certo|fallo|va bene|confermo|approvo
doe het|prima|akkoord
tak|zrob to|potwierdzam|zgoda
evet|tamam|onayla|onayliyorum
да|хорошо|подтверждаю|давай|согласен|согласна
так|добре|підтверджую
نعم|موافق|أوافق|اوافق|حسنا
כן|בסדר|מאשר|מאשרת
हाँ|हां|जी हाँ|ठीक है|मंज़ूर
হ্যাঁ|ঠিক আছে
是|是的|好|好的|可以|同意|确认
はい|いいよ|お願いします|承認
네|예|응|좋아|승인
ya|iya|setuju|lanjutkan
vang|co|dong y|duoc
ndiyo|sawa|kubali
`

const known = new Map([
  ...listed(noes).map(words => [words, 'no'] as const),
  ...listed(yeses).map(words => [words, 'yes'] as const)
])

/** Whether a whole message is a plain no or a plain yes, in any of the languages above; null for everything else. */
export function plainAnswer(text: string): 'no' | 'yes' | null {
  return known.get(bare(text)) ?? null
}

function listed(table: string): string[] {
  return table.trim().split(/[|\n]/).map(bare)
}

/** Small letters without marks: case, Latin accents, punctuation and spaces do not count. */
function bare(text: string): string {
  return text
    .slice(0, 200)
    .normalize('NFD')
    .replace(/(?<=\p{Script=Latin})\p{Mn}+/gu, '')
    .normalize('NFC')
    .toLowerCase()
    .replace(/['’ʼ]/g, '')
    .replaceAll('ı', 'i')
    .replace(/[^\p{L}\p{N}\p{M}\p{Extended_Pictographic}]+/gu, ' ')
    .replace(/[\u{1f3fb}-\u{1f3ff}\ufe0f]/gu, '')
    .trim()
}
