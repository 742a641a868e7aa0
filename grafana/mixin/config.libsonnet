// What a site may want to have otherwise.
{
  _config+:: {
    // Which targets are agents; for the rules on absence, which must name them.
    selector: 'job="scrubjay"',
    // Where the page of an alert is; ends with %s.md, which is its name.
    runbookURLPattern: 'file:///usr/share/doc/scrubjay/runbooks/%s.md',
  },
}
