// Answers do not always come in the order of their questions.

/** Asks again and again; of the answers only that to the latest question is taken: a slower, older one is dropped. */
export type Latest = <T>(question: Promise<T>, take: (answer: T) => void) => Promise<void>;

export function latest(): Latest {
  let asked = 0;
  return async (question, take) => {
    const mine = ++asked;
    const answer = await question;
    if (mine === asked) take(answer);
  };
}
