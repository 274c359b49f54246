export const right = [
  <populer-list key="a" />,
  <populer-list key="b" list="trending" limit={5} section="Bola" theme="thumbs" live more-label="Semua" refresh={0} />,
  <populer-list key="c" limit="5" views onpopuler={(event) => event.detail.items[0]?.title.trim()} />,
];
export const wrong = [
  // @ts-expect-error: not a number
  <populer-list key="a" limit={"x"} />,
  // @ts-expect-error: no such theme
  <populer-list key="b" theme="besar" />,
  // @ts-expect-error: no such attribute
  <populer-list key="c" sections="Bola" />,
];
