// What the shopper reads, by language: tests find things as people do. A changed word on a page changes here.

export const words = {
  en: {
    quantity: /how many|quantity|tickets/i,
    name: /name/i,
    email: /e-?mail/i,
    buy: /^(buy|get|order)\b/i,
    confirmed: /confirmed/i,
    soldOut: /sold out/i,
    alreadyOrdered: /already (have|ordered|placed)/i,
    tryAgain: /again|expired|too old|a day/i,
    limit: /at most|limit/i,
    price: /€\s?199(\.00)?/,
    notFound: /not found|no such|does not exist|nothing here/i,
  },
  de: {
    quantity: /wie viele|anzahl|tickets|karten/i,
    name: /name/i,
    email: /e-?mail/i,
    buy: /(kaufen|bestellen|holen|sichern)/i,
    confirmed: /bestätigt/i,
    soldOut: /ausverkauft/i,
    alreadyOrdered: /schon|bereits/i,
    tryAgain: /noch einmal|nochmal|erneut|abgelaufen|zu alt/i,
    limit: /höchstens|maximal|limit/i,
    price: /€\s?199(,00)?/,
    notFound: /nicht gefunden|gibt es nicht|nichts hier/i,
  },
};
