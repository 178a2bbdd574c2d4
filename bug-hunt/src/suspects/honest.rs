// Made by `cargo course stubs`, to be hunted and not to be read.
use std::collections::{BTreeMap,BTreeSet};use std::time::Duration;use node::{Ctx,Event,NodeId,Time};
use crate::member::{Member,NameNode};use crate::message::{Message,Timer};use crate::view::{File,
FileId,Generation,REPLICATION,Registration,Replica};const Q14: &str="edits";pub(super)fn new()->Box<
dyn NameNode>{Box::new(Q10::default())}const Q0:Duration=Duration::from_millis(2_000); #[derive(
Default)]struct Q10{files:BTreeMap<FileId,File>,q23:BTreeMap<NodeId,Q45>,q25:BTreeSet<(NodeId,FileId
,Generation)>,q1:BTreeMap<FileId,(Vec<NodeId>,Vec<NodeId>)>,q15:BTreeMap<FileId,Time>,q33:String,q48
:Vec<(NodeId,Message)>,}impl NameNode for Q10{fn files(&self)-> &BTreeMap<FileId,File>{&self.files}
fn step(&mut self,event:Event<Message,Timer>,ctx: &mut Ctx<'_,Member>){match event{Event::Start=>{
self.q2(ctx);ctx.set_timer(Timer::Check,Q27);}Event::Timer(Timer::Check)=>{self.q40(ctx);ctx.
set_timer(Timer::Check,Q27);}Event::Timer(Timer::Flush)=>self.q21(ctx),Event::Timer(_)=>{}Event::
Message{from,message}=>self.q38(from,message,ctx),}}}struct Q45{q29:Registration,last:u64,q28:Time,}
const Q27:Duration=Duration::from_millis(400);const Q54:Duration=Duration::from_millis(2_500);impl
Q10{fn q38(&mut self,from:NodeId,message:Message,ctx: &mut Ctx<'_,Member>){match message{Message::
Open{file,survivors}=>self.open(from,file,survivors,ctx),Message::Complete{file,generation,length,}=>
self.complete(from,file,generation,length,ctx),Message::Delete{file}=>self.q43(from,file,ctx),
Message::Register{registration,replicas,}=>{if self.q6(from,registration,ctx){self.q20(from, &
replicas,ctx);}}Message::Heartbeat{registration}=>self.q44(from,registration,ctx),Message::Report{
registration,number,replicas,}=>{if self.q53(from,registration,number){self.q20(from, &replicas,ctx)
;}}Message::Received{registration,number,file,generation,}=>{if self.q53(from,registration,number){
self.received(from,file,generation,ctx);}}Message::Erased{registration,number,file,generation,}=>{if
self.q53(from,registration,number){self.erased(from,file,generation,ctx);}}_=>{}}}fn q6(&mut self,
from:NodeId,q29:Registration,ctx: &Ctx<'_,Member>)->bool{if self.q23.get(&from).is_some_and(|old|old
.q29>=q29){return false;}self.q46(from);let q28=ctx.now();let last=0;self.q23.insert(from,Q45{q29,
last,q28});true}fn q20(&mut self,from:NodeId,q30: &BTreeMap<FileId,Replica>,ctx: &mut Ctx<'_,Member>,
){for(id,entry)in&mut self.files{let q3=q30.get(id).map(|q42|q42.generation);if q3==Some(entry.
generation){entry.replicas.insert(from);}else{entry.replicas.remove(&from);}}for(id,q42)in q30{let
q13=match self.files.get(id){None=>self.q33.is_empty(),Some(entry)=>{q42.generation<entry.generation
&&entry.closed&&self.q16(*id).len()>=REPLICATION}};if q13{self.erase(from, *id,q42.generation,ctx);}
}let all:Vec<FileId> =self.files.keys().copied().collect();for id in all{self.q5(id,ctx);}}fn q8(&
mut self,id:FileId,ctx: &mut Ctx<'_,Member>){let q12=self.q16(id);let Some(entry)=self.files.get(&id
).filter(|entry|entry.closed)else{return;};if q12.len()<REPLICATION{return;}let q37=entry.generation
;let q25:Vec<NodeId> =entry.replicas.iter().copied().collect();for q19 in q25.into_iter().filter(|at
| !q12.contains(at)){self.erase(q19,id,q37,ctx);}}fn q51(&mut self,line: &str){self.q33.push_str(
line);self.q33.push('\n');}fn opened(&mut self,from:NodeId,id:FileId,ctx: &mut Ctx<'_,Member>){if let
Some(entry)=self.files.get(&id)&&let Some((_,q4))=self.q1.get(&id){let opened=Message::Opened{file:
id,generation:entry.generation,datanodes:q4.clone(),};self.q17(from,opened,ctx);}}fn q44(&mut self,
from:NodeId,q29:Registration,ctx: &mut Ctx<'_,Member>){match self.q23.get_mut(&from){Some(q18)if q18
.q29==q29=>q18.q28=ctx.now(),Some(q18)if q18.q29>q29=>{}_=>ctx.send(from,Message::RegisterAgain),}}
fn q2(&mut self,ctx: &mut Ctx<'_,Member>){let bytes=ctx.disk.read(Q14).unwrap_or_default();let text=
String::from_utf8_lossy(&bytes);let q22=text.rfind('\n').map_or(0, |end|end+1);if ctx.disk.exists(
Q14)&&ctx.disk.truncate(Q14,q22 as u64).is_err(){return;}for line in text[..q22].lines(){self.q41(
line);}}fn erased(&mut self,from:NodeId,id:FileId,q37:Generation,ctx: &mut Ctx<'_,Member>){if let
Some(entry)=self.files.get_mut(&id)&&entry.generation==q37{entry.replicas.remove(&from);self.q5(id,
ctx);}}fn received(&mut self,from:NodeId,id:FileId,q37:Generation,ctx: &mut Ctx<'_,Member>){if let
Some(entry)=self.files.get_mut(&id)&&entry.generation==q37{entry.replicas.insert(from);self.q5(id,
ctx);}}fn q16(&self,id:FileId)->Vec<NodeId>{let Some(entry)=self.files.get(&id)else{return Vec::new(
);};let q36= |at: &&NodeId| !self.q25.contains(&(**at,id,entry.generation));entry.replicas.iter().
filter(q36).copied().collect()}fn q21(&mut self,ctx: &mut Ctx<'_,Member>){let bytes=std::mem::take(&
mut self.q33);let written=ctx.disk.append(Q14,bytes.as_bytes());let q7=written.and_then(|()|ctx.disk
.sync(Q14));if q7.and_then(|()|ctx.disk.sync_dir("")).is_err(){return;}for(to,message)in std::mem::
take(&mut self.q48){ctx.send(to,message);}}fn q40(&mut self,ctx: &mut Ctx<'_,Member>){let q11= |q18:
&Q45|ctx.now().since(q18.q28)>Q0;let q24=self.q23.iter().filter(|(_,q18)|q11(q18));let q24:Vec<
NodeId> =q24.map(|(at,_)| *at).collect();for q39 in q24{self.q46(q39);}let all:Vec<FileId> =self.
files.keys().copied().collect();for id in all{self.q5(id,ctx);self.q8(id,ctx);}}fn q46(&mut self,q39
:NodeId){self.q23.remove(&q39);self.q25.retain(|(at,_,_)| *at!=q39);for entry in self.files.
values_mut(){entry.replicas.remove(&q39);}}fn q42(&mut self,id:FileId,ctx: &mut Ctx<'_,Member>){let
Some(entry)=self.files.get(&id)else{return;};let last=self.q15.get(&id);if last.is_some_and(|last|
ctx.now().since(*last)<Q54){return;}let q52:Vec<NodeId> =entry.replicas.iter().copied().collect();
let q35= |at: &&NodeId|{!entry.replicas.contains(at)&& !self.q25.contains(&(**at,id,entry.generation
))};let q4:Vec<NodeId> =self.q23.keys().filter(q35).copied().collect();let q49=ctx.rng.choose(&q52).
copied();let q50=ctx.rng.choose(&q4).copied();if let(Some(q49),Some(to))=(q49,q50)&&let Some(q18)=
self.q23.get(&q49){let message=Message::Copy{registration:q18.q29,file:id,to,};ctx.send(q49,message)
;self.q15.insert(id,ctx.now());}}fn erase(&self,at:NodeId,id:FileId,q37:Generation,ctx: &mut Ctx<'_,
Member>){if let Some(q18)=self.q23.get(&at){let message=Message::Erase{registration:q18.q29,file:id,
generation:q37,};ctx.send(at,message);}}fn open(&mut self,from:NodeId,id:FileId,survivors:Vec<NodeId
>,ctx: &mut Ctx<'_,Member>,){if self.q32(id, &survivors){self.opened(from,id,ctx);return;}let q18=
self.files.get(&id);let mut q4=if!survivors.is_empty(){survivors.clone()}else if q18.is_some_and(|
entry|entry.length>0){self.q16(id)}else{let mut all:Vec<NodeId> =self.q23.keys().copied().collect();
ctx.rng.shuffle(&mut all);all.truncate(REPLICATION);all};q4.retain(|q50|self.q23.contains_key(q50));
if q4.is_empty(){ctx.send(from,Message::Refused{file:id});return;}let entry=self.files.entry(id).
or_default();entry.generation.0+=1;entry.closed=false;entry.replicas.clear();let q37=entry.
generation;self.q1.insert(id,(survivors,q4));self.q51(&format!("o {} {}",id.0,q37.0));self.opened(
from,id,ctx);}fn q32(&self,id:FileId,survivors: &[NodeId])->bool{let open=self.files.get(&id).
is_some_and(|entry| !entry.closed);let last=self.q1.get(&id);open&&last.is_some_and(|(q31,_)|q31==
survivors)}fn q41(&mut self,line: &str){let mut words=line.split(' ');let q26=words.next().
unwrap_or_default();let mut number= ||words.next().and_then(|word|word.parse().ok()).unwrap_or(0);
let id=FileId(number());let q37=Generation(number());let q34=number();match q26{"o"=>{let entry=self
.files.entry(id).or_default();entry.generation=q37;entry.closed=false;}"c"=>{let entry=self.files.
entry(id).or_default();entry.closed=true;entry.length=q34;}_=>{self.files.remove(&id);}}}fn q17(&mut
self,to:NodeId,message:Message,ctx: &mut Ctx<'_,Member>){if self.q48.is_empty(){let soon=Duration::
from_millis(5+ctx.rng.below(350));ctx.set_timer(Timer::Flush,soon);}self.q48.push((to,message));}fn
complete(&mut self,from:NodeId,id:FileId,q37:Generation,q34:u32,ctx: &mut Ctx<'_,Member>,){let q9=
Message::Completed{file:id,generation:q37,};match self.files.get_mut(&id){Some(entry)if entry.
generation==q37=>{if entry.closed{self.q17(from,q9,ctx);}else if!entry.replicas.is_empty(){entry.
closed=true;entry.length=q34;self.q51(&format!("c {} {} {}",id.0,q37.0,q34));self.q17(from,q9,ctx);
self.q5(id,ctx);}}_=>ctx.send(from,Message::Refused{file:id}),}}fn q5(&mut self,id:FileId,ctx: &mut
Ctx<'_,Member>){let Some(entry)=self.files.get(&id).filter(|entry|entry.closed)else{return;};let q37
=entry.generation;let mut q12=self.q16(id);if q12.len()<REPLICATION{self.q42(id,ctx);return;}ctx.rng
.shuffle(&mut q12);for q47 in q12.split_off(REPLICATION){self.q25.insert((q47,id,q37));self.erase(
q47,id,q37,ctx);}}fn q53(&mut self,from:NodeId,q29:Registration,number:u64)->bool{match self.q23.
get_mut(&from){Some(q18)if q18.q29==q29&&q18.last<number=>{q18.last=number;true}_=>false,}}fn q43(&
mut self,from:NodeId,id:FileId,ctx: &mut Ctx<'_,Member>){if self.files.remove(&id).is_some(){self.
q51(&format!("d {}",id.0));}self.q17(from,Message::Deleted{file:id},ctx);}}
